// What drizzle-kit migrates: the folder in MIGRATIONS, on DATABASE_URL.
const url = process.env.DATABASE_URL;
module.exports = { dialect: "postgresql", out: process.env.MIGRATIONS, dbCredentials: { url } };
