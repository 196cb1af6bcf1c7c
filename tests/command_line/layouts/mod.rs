//! What is wrong with the files of each tool, in the words of the tool.

mod claims;
mod dbmate;
mod flyway;
mod go;
mod node;
mod rust;
mod shared;
mod sqitch;
