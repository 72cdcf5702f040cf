//! Emits the nodes and edges of the archive's graph, with the same rules as the graph export of Software Heritage.
//!
//! An object is a node, and its references are edges. Every row depends on one record only, so any number of hosts and
//! workers can share the journal.

use std::borrow::Cow;

use journal_plugin_sdk::{
    Batches, Branch, Bytes, Column, Columns, Directory, ExtendedObjectKind, ExtendedSwhid, Failure,
    ObjectKind, OriginVisitStatus, Out, Plan, Processor, RecordError, Release, Revision, Snapshot,
    Swhid, Target, hash,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const NODES: &str = "nodes";
const EDGES: &str = "edges";

/// The maximum number of aliases to follow. A longer chain, such as an alias of itself, has no edge. Git follows five.
const MAX_ALIASES: usize = 64;

/// The options.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GraphOptions {
    /// Skip branches below `refs/` that are neither heads nor tags, such as those of pull requests.
    remove_pull_requests: bool,
}

/// Emits one row per node and one per edge.
#[derive(Debug, Default)]
pub struct GraphEdges {
    options: GraphOptions,
}

#[derive(Serialize, Columns)]
struct Node {
    /// The object.
    swhid: ExtendedSwhid,
}

/// An edge. It has a label if its source names its target.
#[derive(Serialize, Columns)]
struct Edge<'a> {
    /// The object that has the reference.
    source: ExtendedSwhid,
    /// The object that it refers to.
    target: ExtendedSwhid,
    /// The name of the entry or branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// Used instead of `name` if the name is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    name_bytes: Option<Bytes<'a>>,
    /// The mode of the entry, in octal.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<Cow<'static, str>>,
}

impl Processor<GraphOptions> for GraphEdges {
    const OBJECT_TYPES: &'static [&'static str] = &[
        "content",
        "directory",
        "origin",
        "origin_visit_status",
        "release",
        "revision",
        "snapshot",
    ];

    fn start(options: GraphOptions) -> Result<Self, Failure> {
        Ok(Self { options })
    }

    fn plan(&self) -> Plan {
        Plan::new(Self::OBJECT_TYPES)
            .columns([Column::Values])
            .stateless()
            .output(NODES, "One row for each object that is a node")
            .row::<Node>()
            .output(EDGES, "One row for each edge, with its label")
            .row::<Edge<'_>>()
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        let heads_and_tags_only = self.options.remove_pull_requests;
        batches.each_content(out, |content, out| emit_node(out, content.swhid()?))?;
        batches.each_directory(out, |directory, out| walk_directory(&directory, out))?;
        batches.each_origin(out, |origin, out| emit_node(out, origin.swhid()?))?;
        batches.each_origin_visit_status(out, |status, out| walk_visit_status(&status, out))?;
        batches.each_release(out, |release, out| walk_release(&release, out))?;
        batches.each_revision(out, |revision, out| walk_revision(&revision, out))?;
        batches.each_snapshot(out, |snapshot, out| {
            walk_snapshot(&snapshot, heads_and_tags_only, out)
        })
    }
}

fn walk_directory(directory: &Directory<'_>, out: &mut Out) -> Result<(), RecordError> {
    let source = directory.swhid()?;
    emit_node(out, source)?;
    for entry in directory.entries()? {
        let entry = entry?;
        let edge = Edge {
            mode: Some(mode(entry.perms)),
            ..Edge::named(source, entry.swhid(), entry.name)
        };
        out.emit_to(EDGES, &edge)?;
    }
    Ok(())
}

fn walk_revision(revision: &Revision<'_>, out: &mut Out) -> Result<(), RecordError> {
    let source = revision.swhid()?;
    emit_node(out, source)?;
    let directory = Swhid::new(ObjectKind::Directory, revision.directory()?);
    out.emit_to(EDGES, &Edge::new(source, directory))?;
    for parent in revision.parents()? {
        let parent = Swhid::new(ObjectKind::Revision, parent?);
        out.emit_to(EDGES, &Edge::new(source, parent))?;
    }
    Ok(())
}

fn walk_release(release: &Release<'_>, out: &mut Out) -> Result<(), RecordError> {
    let source = release.swhid()?;
    emit_node(out, source)?;
    if let Some(target) = release.target()? {
        let target = Swhid::new(release.target_type()?, target);
        out.emit_to(EDGES, &Edge::new(source, target))?;
    }
    Ok(())
}

fn walk_snapshot(
    snapshot: &Snapshot<'_>,
    heads_and_tags_only: bool,
    out: &mut Out,
) -> Result<(), RecordError> {
    let source = snapshot.swhid()?;
    emit_node(out, source)?;
    let mut branches = snapshot.branches()?.collect::<Result<Vec<_>, _>>()?;
    sort(&mut branches);
    for &Branch { name, .. } in &branches {
        if let Some((last_name, target)) = follow(&branches, name)
            && !(heads_and_tags_only && is_pull_request(last_name))
        {
            out.emit_to(EDGES, &Edge::named(source, target, name))?;
        }
    }
    Ok(())
}

/// Sorts branches by their names. Of those with the same name the last one stays.
fn sort(branches: &mut Vec<Branch<'_>>) {
    if branches.is_sorted_by(|one, other| one.name < other.name) {
        return;
    }
    branches.reverse();
    branches.sort_by_key(|branch| branch.name);
    branches.dedup_by_key(|branch| branch.name);
}

/// Follows the aliases of a branch. Returns the object, and the name of the last branch.
fn follow<'a>(branches: &[Branch<'a>], name: &'a [u8]) -> Option<(&'a [u8], Swhid)> {
    let mut name = name;
    for _ in 0..=MAX_ALIASES {
        let index = branches.binary_search_by_key(&name, |branch| branch.name);
        match branches[index.ok()?].target {
            Some(Target::Alias(next)) => name = next,
            Some(Target::Object(kind, id)) if !name.is_empty() => {
                return Some((name, Swhid::new(kind, id)));
            }
            _ => return None,
        }
    }
    None
}

fn is_pull_request(name: &[u8]) -> bool {
    name.strip_prefix(b"refs/")
        .is_some_and(|rest| !rest.starts_with(b"heads") && !rest.starts_with(b"tags"))
}

fn walk_visit_status(status: &OriginVisitStatus<'_>, out: &mut Out) -> Result<(), RecordError> {
    if let Some(snapshot) = status.snapshot()? {
        let origin = hash::sha1(status.origin()?.as_bytes());
        let source = ExtendedSwhid::new(ExtendedObjectKind::Origin, origin);
        let snapshot = Swhid::new(ObjectKind::Snapshot, snapshot);
        out.emit_to(EDGES, &Edge::new(source, snapshot))?;
    }
    Ok(())
}

fn emit_node(out: &mut Out, swhid: impl Into<ExtendedSwhid>) -> Result<(), RecordError> {
    let swhid = swhid.into();
    out.emit_to(NODES, &Node { swhid })
}

impl<'a> Edge<'a> {
    fn new(source: impl Into<ExtendedSwhid>, target: Swhid) -> Self {
        Self {
            source: source.into(),
            target: target.into(),
            name: None,
            name_bytes: None,
            mode: None,
        }
    }

    fn named(source: Swhid, target: Swhid, name: &'a [u8]) -> Self {
        let text = str::from_utf8(name).ok();
        Self {
            name: text,
            name_bytes: text.is_none().then(|| name.into()),
            ..Self::new(source, target)
        }
    }
}

/// Octal digits as in Git. The usual modes are static texts, to avoid allocations.
fn mode(perms: u32) -> Cow<'static, str> {
    match perms {
        0o040_000 => "040000".into(),
        0o100_644 => "100644".into(),
        0o100_755 => "100755".into(),
        0o120_000 => "120000".into(),
        0o160_000 => "160000".into(),
        other => format!("{other:06o}").into(),
    }
}

journal_plugin_sdk::export!(GraphEdges);
