//! Directories, revisions, releases and snapshots.

use journal_plugin_sdk::msgpack::{Item, Walker};
use journal_plugin_sdk::{Date, Release, Revision};

use super::fields::{Fields, Names, Others, names, read};
use super::time;
use super::value::{self, Depth};
use super::{Finding, Rule, shown, unread};

pub(super) fn directory(value: &[u8]) -> Result<(), Finding> {
    let fields = read(value, names!["entries", "id", "raw_manifest"])?;
    fields.check_id(1)?;
    let Some(mut entries) = fields.get(0) else {
        return Err(Finding::missing("entries"));
    };
    let Item::Array(count) = entries.item()? else {
        return Err(fields.refuse(0, Rule::FieldType, "is not a list"));
    };
    let first = entries;
    let (mut before, mut is_ordered) = (None, true);
    for index in 0..count {
        let name = entry_name(&mut entries)
            .map_err(|finding| finding.within(format_args!("entries[{index}]")))?;
        is_ordered &= before.is_none_or(|before| before < name);
        before = Some(name);
    }
    // Git's order differs from this one where a directory's name begins that of another entry.
    if is_ordered {
        return Ok(());
    }
    match repeated(first, count, entry_name)? {
        None => Ok(()),
        Some(name) => {
            let what = format!("has two entries with the name `{}`", shown(name));
            Err(fields.refuse(0, Rule::EntryNameTwice, what))
        }
    }
}

/// Reads and checks one entry, and returns its name.
fn entry_name<'a>(entries: &mut Walker<'a>) -> Result<&'a [u8], Finding> {
    let names = names!["name", "type", "target", "perms"];
    // The list is around the entry.
    let depth = Depth::OBJECT.inside().inside();
    let entry = Fields::read(entries, names, Others::Refused, depth)?;
    let Item::Bin(name) = entry.item(0)? else {
        return Err(entry.refuse(0, Rule::FieldType, "is not bytes"));
    };
    if name.contains(&b'/') {
        let what = format!("is `{}`, which has a slash", shown(name));
        return Err(Finding::new(Rule::SlashInEntryName, what).within("name"));
    }
    Ok(name)
}

/// A name that `count` items have twice.
fn repeated<'a>(
    mut items: Walker<'a>,
    count: u32,
    name: impl Fn(&mut Walker<'a>) -> Result<&'a [u8], Finding>,
) -> Result<Option<&'a [u8]>, Finding> {
    let mut names = Vec::new();
    for _ in 0..count {
        names.push(name(&mut items)?);
    }
    names.sort_unstable();
    let pair = names.windows(2).find(|pair| pair[0] == pair[1]);
    Ok(pair.map(|pair| pair[0]))
}

pub(super) fn snapshot(value: &[u8]) -> Result<(), Finding> {
    let fields = read(value, names!["branches", "id"])?;
    fields.check_id(1)?;
    let Some(mut branches) = fields.get(0) else {
        return Err(Finding::missing("branches"));
    };
    let Item::Map(count) = branches.item()? else {
        return Err(fields.refuse(0, Rule::FieldType, "is not a map"));
    };
    let first = branches;
    let (mut before, mut is_ordered) = (None, true);
    for index in 0..count {
        let name = branch_name(&mut branches)
            .map_err(|finding| finding.within(format_args!("branches[{index}]")))?;
        is_ordered &= before.is_none_or(|before| before < name);
        before = Some(name);
    }
    if is_ordered {
        return Ok(());
    }
    match repeated(first, count, branch_name)? {
        None => Ok(()),
        Some(name) => Err(Finding::twice(name).within("branches")),
    }
}

/// Reads and checks one branch, and returns its name.
fn branch_name<'a>(branches: &mut Walker<'a>) -> Result<&'a [u8], Finding> {
    let Item::Bin(name) = branches.item()? else {
        let what = "has a name that is not bytes";
        return Err(Finding::new(Rule::MapKey, what));
    };
    let mut ahead = *branches;
    if !matches!(ahead.item()?, Item::Map(_)) {
        // The branch has no target.
        *branches = ahead;
        return Ok(name);
    }
    let names = names!["target", "target_type"];
    let depth = Depth::OBJECT.inside().inside();
    Fields::read(branches, names, Others::Ignored, depth)?;
    Ok(name)
}

pub(super) fn revision(object: &Revision<'_>) -> Result<(), Finding> {
    const NAMES: &Names<13> = names![
        "message",
        "author",
        "committer",
        "date",
        "committer_date",
        "type",
        "directory",
        "synthetic",
        "metadata",
        "parents",
        "id",
        "extra_headers",
        "raw_manifest",
    ];
    let fields = read(object.value(), NAMES)?;
    fields.require(0..5)?;
    fields.check_id(10)?;
    for (person, date, read) in [(1, 3, object.date()), (2, 4, object.committer_date())] {
        let read = read.map_err(unread)?;
        check_person_and_date(&fields, person, date, read.as_ref())?;
    }
    fields.optional(8, |map| value::check_metadata(map, Depth::OBJECT.inside()))?;
    check_extra_headers(&fields)
}

pub(super) fn release(object: &Release<'_>) -> Result<(), Finding> {
    const NAMES: &Names<10> = names![
        "name",
        "message",
        "target",
        "target_type",
        "synthetic",
        "author",
        "date",
        "id",
        "metadata",
        "raw_manifest",
    ];
    let fields = read(object.value(), NAMES)?;
    fields.require(1..3)?;
    fields.check_id(7)?;
    let date = object.date().map_err(unread)?;
    check_person_and_date(&fields, 5, 6, date.as_ref())?;
    fields.optional(8, |map| value::check_metadata(map, Depth::OBJECT.inside()))
}

/// Checks a person and the date that belongs to it.
fn check_person_and_date<const COUNT: usize>(
    fields: &Fields<'_, COUNT>,
    person: usize,
    date: usize,
    read: Option<&Date<'_>>,
) -> Result<(), Finding> {
    fields.optional(person, check_person)?;
    if let Some(read) = read {
        fields.optional(date, |value| time::check_date(value, read))?;
    }
    if fields.item(person)? == Item::Nil && fields.item(date)? != Item::Nil {
        let what = "is set, and its person is nil";
        return Err(fields.refuse(date, Rule::DateWithoutPerson, what));
    }
    Ok(())
}

fn check_person(value: &mut Walker<'_>) -> Result<(), Finding> {
    const NAMES: &Names<3> = names!["fullname", "name", "email"];
    let person = Fields::read(value, NAMES, Others::Refused, Depth::OBJECT.inside())?;
    // The class makes a full name of both other parts.
    if person.get(0).is_none() {
        person.require(1..3)?;
    }
    for part in 0..3 {
        if matches!(person.item(part)?, Item::Str(_)) {
            return Err(person.refuse(part, Rule::FieldType, "is a text and not bytes"));
        }
    }
    Ok(())
}

/// Checks the extra headers, which old records have in their metadata.
fn check_extra_headers(fields: &Fields<'_, 13>) -> Result<(), Finding> {
    if let Some(headers) = fields.get(11)
        && check_headers(headers).map_err(|finding| finding.within("extra_headers"))? > 0
    {
        return Ok(());
    }
    fields.optional(8, |metadata| {
        let Item::Map(pairs) = metadata.item()? else {
            return Ok(());
        };
        for _ in 0..pairs {
            if metadata.item()? == Item::Str(b"extra_headers") {
                check_headers(*metadata).map_err(|finding| finding.within("extra_headers"))?;
            }
            metadata.skip()?;
        }
        Ok(())
    })
}

/// Checks that all names and values are bytes. Returns how many headers there are.
fn check_headers(mut headers: Walker<'_>) -> Result<u32, Finding> {
    let Item::Array(count) = headers.item()? else {
        return Ok(0);
    };
    for index in 0..count {
        // The SDK accepts only pairs.
        headers.item()?;
        for part in 0..2 {
            if !matches!(headers.item()?, Item::Bin(_)) {
                let what = "is not bytes, as in old records";
                let at = format_args!("[{index}][{part}]").to_string();
                return Err(Finding::new(Rule::FieldType, what).within(at));
            }
        }
    }
    Ok(count)
}
