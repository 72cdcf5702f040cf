//! Values of any kind, such as metadata: what upstream's reader of msgpack refuses.

use journal_plugin_sdk::Timestamp;
use journal_plugin_sdk::msgpack::{Item, Walker};

use super::time;
use super::{Finding, Rule};

/// How deep upstream's reader follows lists and maps.
const MOST_DEPTH: usize = 1024;

/// The number of lists and maps around a value and including it.
#[derive(Clone, Copy)]
pub(super) struct Depth(usize);

impl Depth {
    /// The depth of the map of an object.
    pub(super) const OBJECT: Self = Self(1);

    /// The depth of a list or map inside.
    pub(super) fn inside(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A list or map with values that were not read yet.
struct Open {
    /// Values, those of keys included.
    left: u64,
    is_map: bool,
}

/// Checks the next value with all that it contains; `depth` is that of the value if it is a list or a map.
pub(super) fn check(walker: &mut Walker<'_>, depth: Depth) -> Result<(), Finding> {
    let mut open: Vec<Open> = Vec::new();
    loop {
        let is_key = open
            .last()
            .is_some_and(|open| open.is_map && open.left.is_multiple_of(2));
        let ahead = *walker;
        let item = walker.item()?;
        if is_key {
            check_key(item)?;
        } else {
            check_single(item)?;
        }
        if let Some(open) = open.last_mut() {
            open.left -= 1;
        }
        let (left, is_map) = match item {
            Item::Array(count) => (u64::from(count), false),
            Item::Map(count) => (2 * u64::from(count), true),
            _ => (0, false),
        };
        if matches!(item, Item::Array(_) | Item::Map(_)) {
            if depth.0 + open.len() > MOST_DEPTH {
                let what = format!("is nested deeper than {MOST_DEPTH} levels");
                return Err(Finding::new(Rule::NestedTooDeep, what));
            }
            if let Some(text) = time::old_text(ahead) {
                time::check_text(text)?;
            }
            open.push(Open { left, is_map });
        }
        while open.last().is_some_and(|open| open.left == 0) {
            open.pop();
        }
        if open.is_empty() {
            return Ok(());
        }
    }
}

/// Checks a map whose keys must be texts; `depth` is that of the map.
pub(super) fn check_metadata(walker: &mut Walker<'_>, depth: Depth) -> Result<(), Finding> {
    if time::old_text(*walker).is_some() {
        return Err(Finding::new(Rule::FieldType, "is a time"));
    }
    let Item::Map(pairs) = walker.item()? else {
        return Err(Finding::new(Rule::FieldType, "is not a map"));
    };
    for _ in 0..pairs {
        let key = walker.item()?;
        if !matches!(key, Item::Str(_)) {
            let what = "has a key that is not a text";
            return Err(Finding::new(Rule::MapKey, what));
        }
        check_key(key)?;
        check(walker, depth.inside())?;
    }
    Ok(())
}

/// Checks the key of a map.
pub(super) fn check_key(key: Item<'_>) -> Result<(), Finding> {
    match key {
        Item::Array(_) | Item::Map(_) => {
            let what = "has a list or a map as the key of a map";
            Err(Finding::new(Rule::MapKey, what))
        }
        key => check_single(key),
    }
}

/// Checks an item without its parts.
fn check_single(item: Item<'_>) -> Result<(), Finding> {
    match item {
        Item::Str(text) if str::from_utf8(text).is_err() => {
            Err(Finding::new(Rule::NotUtf8, "has a text that is not UTF-8"))
        }
        Item::Ext(-1, data) => check_time(data),
        // Integers that do not fit into 64 bits.
        Item::Ext(1 | 2, _) => Ok(()),
        Item::Ext(kind, _) => {
            let what = format!("has the extension {kind}, which the journal does not have");
            Err(Finding::new(Rule::UnknownExtension, what))
        }
        _ => Ok(()),
    }
}

/// Checks the data of a time.
pub(super) fn check_time(data: &[u8]) -> Result<(), Finding> {
    let Some(time) = Timestamp::from_msgpack(data) else {
        let what = "has an extension of type -1 that is not a time";
        return Err(Finding::new(Rule::InvalidTime, what));
    };
    time::check_calendar(time.seconds())
}
