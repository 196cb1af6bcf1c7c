//! Valid DDL: statement templates, and a model of what is there to fill them with. Knows no
//! database; whoever executes a statement says whether it was accepted.

use std::collections::BTreeSet;

/// Things in no schema, and in nothing else.
const GLOBAL: &[&str] = &[
    "schema",
    "public",
    "role",
    "language",
    "wrapper",
    "server",
    "publication",
    "subscription",
    "event trigger",
    "access method",
];

/// What belongs to a table, view or type, by the last word of its kind.
const CHILDREN: &[&str] = &[
    "column",
    "constraint",
    "check",
    "null",
    "trigger",
    "policy",
    "rule",
    "index",
    "label",
    "attribute",
];

const CONTAINERS: &[&str] = &["table", "view", "type"];

/// How many objects of a kind there can be at a time: few, so that names come back.
const NAMES: usize = 5;

/// A statement with gaps, as statements.sql describes them.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) text: String,
    from: u32,
    until: u32,
}

/// A template that has been filled.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    /// What it names, and what that is in.
    named: BTreeSet<usize>,
    around: BTreeSet<usize>,
    effects: Vec<Effect>,
}

#[derive(Clone, Debug)]
enum Effect {
    Make(Object),
    Drop(usize),
    Rename(usize, String),
    Move(usize, usize),
    CopyColumns { from: usize, to: usize },
}

#[derive(Clone, Debug)]
struct Object {
    id: usize,
    kind: String,
    name: String,
    /// The schema, or the table or type that it belongs to.
    within: Option<usize>,
}

/// What is there.
#[derive(Clone, Debug)]
pub(crate) struct World {
    objects: Vec<Object>,
    next: usize,
}

/// The templates of a file that can be used on this version of Postgres.
pub(crate) fn templates(text: &str, major: u32) -> Vec<Template> {
    let mut templates: Vec<Template> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with("--")) {
        match templates.last_mut() {
            Some(last) if line.starts_with(' ') => {
                last.text.push('\n');
                last.text.push_str(line);
            }
            _ => templates.push(Template::begun(line)),
        }
    }
    templates.retain(|template| (template.from..=template.until).contains(&major));
    templates
}

impl Template {
    fn begun(line: &str) -> Self {
        let bound = |word: &str| {
            let rest = line.strip_prefix('(')?.strip_prefix(word)?;
            let (number, text) = rest.split_once(") ")?;
            Some((number.trim().parse::<u32>().expect("a version"), text))
        };
        let (from, until) = (bound("from "), bound("until "));
        let text = from.or(until).map_or(line, |(_, text)| text).to_owned();
        Self {
            text,
            from: from.map_or(0, |(number, _)| number),
            until: until.map_or(u32::MAX, |(number, _)| number),
        }
    }

    /// The text with one of the texts that each pair of braces offers.
    fn chosen(&self, seed: u64) -> String {
        let (mut chosen, mut rest) = (String::new(), self.text.as_str());
        while let Some((before, (inside, after))) =
            rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
        {
            let offers: Vec<&str> = inside.split('|').collect();
            chosen.push_str(before);
            match offers.len() {
                1 => chosen.push_str(&format!("{{{inside}}}")),
                count => {
                    let number = mix(seed, &format!("choice {}", rest.len()));
                    chosen.push_str(offers[usize::try_from(number).expect("64 bits") % count]);
                }
            }
            rest = after;
        }
        chosen + rest
    }
}

impl Statement {
    /// Whether it may be executed before the other as well as after it.
    pub(crate) fn is_independent_of(&self, other: &Self) -> bool {
        self.named.is_disjoint(&other.named)
            && self.named.is_disjoint(&other.around)
            && self.around.is_disjoint(&other.named)
    }
}

impl World {
    pub(crate) fn new(roles: &[&str]) -> Self {
        let mut world = Self { objects: Vec::new(), next: 0 };
        let roles = roles.iter().map(|role| ("role", *role));
        for (kind, name) in roles.chain([("public", "public")]) {
            let (id, kind, name) = (world.next, kind.to_owned(), name.to_owned());
            world.objects.push(Object { id, kind, name, within: None });
            world.next += 1;
        }
        world
    }

    /// The template filled with what is there, if there is enough. The same seed chooses the same
    /// objects as long as they are there, whatever else is.
    pub(crate) fn fill(&self, template: &Template, seed: u64) -> Option<Statement> {
        // Not every table has a column of every kind: another choice may have.
        (0..6).find_map(|attempt| {
            let seed = mix(seed, &format!("attempt {attempt}"));
            Draft::new(self, seed).filled(&template.chosen(seed))
        })
    }

    /// What an accepted statement has changed.
    pub(crate) fn apply(&mut self, statement: &Statement) {
        for effect in &statement.effects {
            match effect {
                Effect::Make(object) => {
                    self.next = self.next.max(object.id + 1);
                    self.objects.push(object.clone());
                }
                Effect::Drop(id) => self.drop(*id),
                Effect::Rename(id, name) => self.change(*id, |it| it.name.clone_from(name)),
                Effect::Move(id, schema) => self.change(*id, |it| it.within = Some(*schema)),
                Effect::CopyColumns { from, to } => self.copy_columns(*from, *to),
            }
        }
    }

    fn drop(&mut self, id: usize) {
        let gone = |object: &Object| object.id == id || object.within == Some(id);
        let inside: Vec<usize> =
            self.objects.iter().filter(|it| it.within == Some(id)).map(|it| it.id).collect();
        self.objects.retain(|object| !gone(object));
        for id in inside {
            self.drop(id);
        }
    }

    fn change(&mut self, id: usize, change: impl Fn(&mut Object)) {
        self.objects.iter_mut().filter(|object| object.id == id).for_each(change);
    }

    fn copy_columns(&mut self, from: usize, to: usize) {
        let is_column = |it: &&Object| it.within == Some(from) && is_a(&it.kind, "column");
        let columns: Vec<Object> = self.objects.iter().filter(is_column).cloned().collect();
        for column in columns {
            self.objects.push(Object { id: self.next, within: Some(to), ..column });
            self.next += 1;
        }
    }
}

/// A statement in the making.
struct Draft<'a> {
    world: &'a World,
    seed: u64,
    made: Vec<Object>,
    /// Objects that are there and were chosen, in their order.
    chosen: Vec<&'a Object>,
    /// What the next columns, constraints and so on are looked for in.
    container: Option<usize>,
    effects: Vec<Effect>,
}

impl<'a> Draft<'a> {
    fn new(world: &'a World, seed: u64) -> Self {
        let (made, chosen, effects) = (Vec::new(), Vec::new(), Vec::new());
        Self { world, seed, made, chosen, container: None, effects }
    }

    fn filled(mut self, text: &str) -> Option<Statement> {
        let mut pieces: Vec<String> = Vec::new();
        let mut of = Vec::new();
        let mut rest = text;
        while let Some((before, slot, after)) = next_slot(rest) {
            pieces.push(before.to_owned());
            if slot == "of" {
                of.push(pieces.len());
            }
            pieces.push(self.slot(slot)?);
            rest = after;
        }
        pieces.push(rest.to_owned());
        for index in of {
            let child = self.chosen.iter().find(|object| is_child(&object.kind))?;
            pieces[index] = self.text(self.object(child.within?)?, false);
        }
        // What belongs to something, but to nothing that the statement has named.
        if self.made.iter().any(|object| object.within.is_none() && is_child(&object.kind)) {
            return None;
        }
        // What was left empty leaves spaces behind.
        let words = pieces.concat();
        let words: Vec<&str> = words.split_whitespace().collect();
        Some(self.statement(words.join(" ").replace(" ;", ";")))
    }

    fn statement(self, sql: String) -> Statement {
        let named: BTreeSet<usize> =
            self.chosen.iter().filter(|it| it.kind != "role").map(|it| it.id).collect();
        let within = |id: &usize| self.object(*id).and_then(|object| object.within);
        let made = self.made.iter().map(|object| object.id);
        let named: BTreeSet<usize> = named.into_iter().chain(made).collect();
        let around: BTreeSet<usize> = named.iter().filter_map(within).collect();
        let around = around.iter().filter_map(within).chain(around.iter().copied()).collect();
        let mut effects: Vec<Effect> = self.made.into_iter().map(Effect::Make).collect();
        effects.extend(self.effects);
        Statement { sql, named, around, effects }
    }

    fn slot(&mut self, slot: &str) -> Option<String> {
        let (verb, kind) = slot.split_once(' ').unwrap_or((slot, ""));
        match verb {
            "of" => Some(String::new()),
            // Every database has another name.
            "database" => Some("<database>".to_owned()),
            "new" => self.make(kind),
            "the" | "that" => {
                let made = self.made.iter().rev().find(|object| is_a(&object.kind, kind));
                let chosen = self.chosen.iter().rev().find(|object| is_a(&object.kind, kind));
                let object = made.filter(|_| verb == "the").or(chosen.copied())?;
                Some(self.text(object, false))
            }
            "drop" => {
                let object = self.choose(kind, false)?;
                self.effects.push(Effect::Drop(object.id));
                Some(self.text(object, false))
            }
            "rename" => {
                let object = *self.chosen.iter().rev().find(|object| is_a(&object.kind, kind))?;
                let name = self.free_name(&object.kind, object.within)?;
                self.effects.push(Effect::Rename(object.id, name.clone()));
                Some(name)
            }
            "into" => {
                let moved = self.chosen.first()?.id;
                let schema = self.schema()?;
                self.effects.push(Effect::Move(moved, schema.id));
                Some(schema.name.clone())
            }
            "like" => {
                let from = self.choose(kind, false)?;
                let to = self.made.iter().rev().find(|object| is_container(&object.kind))?.id;
                self.effects.push(Effect::CopyColumns { from: from.id, to });
                Some(self.text(from, false))
            }
            "short" => self.choose(kind, false).map(|object| object.name.clone()),
            "any" => self.choose(kind, true).map(|object| self.text(object, false)),
            _ => self.choose(slot, false).map(|object| self.text(object, false)),
        }
    }

    fn make(&mut self, kind: &str) -> Option<String> {
        let within = if is_child(kind) {
            let made = self.made.iter().rev().find(|object| is_container(&object.kind));
            made.map(|object| object.id).or(self.container)
        } else if GLOBAL.contains(&kind) {
            None
        } else {
            Some(self.schema()?.id)
        };
        let name = self.free_name(kind, within)?;
        let id = self.world.next + self.made.len();
        self.made.push(Object { id, kind: kind.to_owned(), name, within });
        self.made.last().map(|object| self.text(object, true))
    }

    fn schema(&self) -> Option<&'a Object> {
        let schemas =
            self.world.objects.iter().filter(|it| ["schema", "public"].contains(&&*it.kind));
        schemas.min_by_key(|it| mix(self.seed, &format!("{} {}", self.made.len(), it.name)))
    }

    fn free_name(&self, kind: &str, within: Option<usize>) -> Option<String> {
        // Columns may be called alike in two tables; keys may not, because of their indexes.
        let is_anywhere = !is_child(kind) || is_a(kind, "constraint") || within.is_none();
        let is_near = |it: &Object| is_anywhere || it.within == within;
        let taken = |name: &String| {
            let mut objects = self.world.objects.iter().chain(&self.made);
            objects.any(|it| it.name == *name && is_near(it))
        };
        let names = (1..=NAMES).map(|number| match kind {
            "operator" => ["===", "~~~", "@@@", "##", "<%>"][number - 1].to_owned(),
            // Stands between quotes already.
            "label" => format!("label {number}"),
            _ if number == NAMES => format!("\"{kind}.{number}\""),
            _ => format!("{}_{number}", kind.replace(' ', "_")),
        });
        names.filter(|name| !taken(name)).min_by_key(|name| mix(self.seed, name))
    }

    /// An object of the kind; of "int column of table", one that belongs to a table.
    fn choose(&mut self, wanted: &str, anywhere: bool) -> Option<&'a Object> {
        let (kind, of) = wanted.split_once(" of ").unwrap_or((wanted, ""));
        let is_of = |id: usize| self.object(id).is_some_and(|object| is_a(&object.kind, of));
        let is_fit = |object: &&Object| {
            let is_inside = match (self.container, object.within) {
                _ if anywhere || !is_child(&object.kind) => true,
                (None, Some(within)) => is_of(within),
                (container, within) => container == within,
            };
            let is_fresh = self.chosen.iter().all(|chosen| chosen.id != object.id);
            is_a(&object.kind, kind) && is_inside && (is_fresh || kind == "role")
        };
        let number = self.chosen.len();
        let object = self.world.objects.iter().filter(is_fit).min_by_key(|object| {
            mix(self.seed, &format!("{number} {} {} {:?}", object.kind, object.name, object.within))
        })?;
        let container = if is_container(&object.kind) { Some(object.id) } else { object.within };
        if is_container(&object.kind) || is_child(&object.kind) && self.container.is_none() {
            self.container = container;
            let waiting = self.made.iter_mut().filter(|it| is_child(&it.kind));
            waiting.filter(|it| it.within.is_none()).for_each(|it| it.within = container);
        }
        self.chosen.push(object);
        Some(object)
    }

    fn object(&self, id: usize) -> Option<&Object> {
        self.world.objects.iter().chain(&self.made).find(|object| object.id == id)
    }

    /// What it is called: with its schema, unless it belongs to something.
    fn text(&self, object: &Object, is_new: bool) -> String {
        let within = object.within.and_then(|id| self.object(id));
        match within {
            // An index is in a schema, but is made without a word of it.
            Some(table) if is_a(&object.kind, "index") && !is_new => {
                let schema = table.within.and_then(|id| self.object(id));
                schema.map_or_else(String::new, |it| format!("{}.", it.name)) + &object.name
            }
            Some(schema) if !is_child(&object.kind) => format!("{}.{}", schema.name, object.name),
            _ => object.name.clone(),
        }
    }
}

/// The text before the first `<slot>`, the slot, and the text after it.
fn next_slot(text: &str) -> Option<(&str, &str, &str)> {
    text.match_indices('<').find_map(|(at, _)| {
        let (slot, after) = text[at + 1..].split_once('>')?;
        let is_slot = slot.starts_with(|c: char| c.is_ascii_lowercase())
            && slot.chars().all(|c| c.is_ascii_lowercase() || c == ' ');
        is_slot.then_some((&text[..at], slot, after))
    })
}

/// Whether "int column" is a "column"; everything is a "".
fn is_a(kind: &str, wanted: &str) -> bool {
    let rest = kind.strip_suffix(wanted);
    rest.is_some_and(|rest| wanted.is_empty() || rest.is_empty() || rest.ends_with(' '))
}

fn is_child(kind: &str) -> bool {
    CHILDREN.iter().any(|child| is_a(kind, child)) && kind != "event trigger"
}

fn is_container(kind: &str) -> bool {
    CONTAINERS.iter().any(|container| is_a(kind, container))
}

/// A number for a word that is the same on every machine (FNV, then a finalizer).
fn mix(seed: u64, word: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ seed;
    for byte in word.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}
