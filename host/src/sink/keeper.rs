//! The positions of a consumer group that a destination keeps beside its rows, as an operator looks at them and changes
//! them while no run writes.

use super::binding::Target;
use super::open::{databases, folders, parse, servers, target_of};
use super::{BindError, SinkError, parquet, postgres, sqlite};
use crate::journal::group_offsets::Committed;
use crate::journal::plan::Output;

/// A destination that keeps the positions of a group.
pub trait PositionKeeper {
    /// Its name in messages.
    fn name(&self) -> &str;

    /// The positions of the group. It changes nothing, and needs no lock.
    ///
    /// # Errors
    /// When the destination cannot be read.
    fn positions(&self) -> Result<Committed, SinkError>;

    /// Keeps runs away that would advance the positions, until these are replaced or this is dropped.
    ///
    /// # Errors
    /// When one is writing to it, or the destination cannot be reached.
    fn lock(&mut self) -> Result<(), SinkError>;

    /// Replaces these positions of the group, all or none of them. Others stay.
    ///
    /// # Errors
    /// When the destination is in use, or cannot be written to.
    fn replace(&mut self, positions: &Committed) -> Result<(), SinkError>;
}

/// The destination among those of `bindings` that keeps the positions of a group; none where the group itself does.
///
/// To add a kind of destination that commits positions with its rows, add it here, too.
///
/// # Errors
/// When a binding is wrong, a password or certificates cannot be read, or two destinations would keep the positions.
pub fn position_keeper(
    bindings: &[String],
    group: &str,
) -> Result<Option<Box<dyn PositionKeeper>>, BindError> {
    let bindings = parse(bindings)?;
    let mut keepers: Vec<Box<dyn PositionKeeper>> = Vec::new();
    for file in databases(&bindings) {
        keepers.push(Box::new(sqlite::Keeper::new(file, group)));
    }
    for server in servers(&bindings) {
        keepers.push(postgres::keeper(server, group).map_err(SinkError::from)?);
    }
    for folder in folders(&bindings) {
        keepers.push(parquet::keeper(folder, group));
    }
    if let [first, second, ..] = &*keepers {
        return Err(SinkError::TwoDecide {
            first: first.name().to_owned(),
            second: second.name().to_owned(),
        }
        .into());
    }
    Ok(keepers.pop())
}

/// Whether all outputs go to one destination that commits positions with its rows, so that a run that ended early can go on
/// later.
#[must_use]
pub fn keep_positions(bindings: &[String], outputs: &[Output]) -> bool {
    let Ok(bindings) = parse(bindings) else {
        return false;
    };
    let keepers = [
        databases(&bindings).len(),
        servers(&bindings).len(),
        folders(&bindings).len(),
    ];
    let keeps = |output| {
        let target = target_of(output, &bindings);
        target.is_some_and(|target| !matches!(target, Target::Lines { .. } | Target::Topic(_)))
    };
    keepers.iter().sum::<usize>() == 1 && outputs.iter().all(keeps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::offsets::{Partition, Position};

    fn keeper(bindings: &[&str]) -> Result<Option<Box<dyn PositionKeeper>>, BindError> {
        let bindings: Vec<String> = bindings.iter().map(|&text| text.to_owned()).collect();
        position_keeper(&bindings, "g")
    }

    #[test]
    fn database_keeps_the_positions_and_lines_do_not() {
        assert!(keeper(&[]).unwrap().is_none());
        assert!(keeper(&["a=rows.jsonl", "-"]).unwrap().is_none());
        let one = keeper(&["a=x.sqlite", "b=sqlite:x.sqlite?table=c", "-"]).unwrap();
        assert_eq!(one.unwrap().name(), "`x.sqlite`");
        let two = keeper(&["a=x.sqlite", "b=y.sqlite"]).map(|one| one.is_some());
        assert!(
            matches!(two, Err(BindError::Sink(SinkError::TwoDecide { .. }))),
            "{two:?}"
        );
        assert!(keeper(&["a="]).is_err());
        #[cfg(feature = "parquet")]
        {
            let folder = keeper(&["a=parquet:d", "b=parquet:./d?table=c"]).map(|one| one.is_some());
            assert!(folder.is_ok(), "{folder:?}");
            let two = keeper(&["a=parquet:d", "b=parquet:e"]).map(|one| one.is_some());
            assert!(
                matches!(two, Err(BindError::Sink(SinkError::TwoDecide { .. }))),
                "{two:?}"
            );
        }
        #[cfg(feature = "postgres")]
        {
            let server = keeper(&["a=postgres://me@h/d", "b=postgres://me@h/d?table=c"]);
            assert_eq!(server.unwrap().unwrap().name(), "`postgres://me@h/d`");
            let two = keeper(&["a=x.sqlite", "b=postgres://me@h/d"]).map(|one| one.is_some());
            assert!(
                matches!(two, Err(BindError::Sink(SinkError::TwoDecide { .. }))),
                "{two:?}"
            );
        }
    }

    #[test]
    fn positions_of_one_group_are_replaced_and_others_stay() {
        replace_positions("a.sqlite");
        #[cfg(feature = "parquet")]
        replace_positions("a.parquet");
    }

    fn replace_positions(name: &str) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name).display().to_string();
        let keeper = |group: &str| {
            let bindings = [file.clone()];
            position_keeper(&bindings, group).unwrap().unwrap()
        };
        let positions = |next: &[u64]| -> Committed {
            let position = |(number, &next): (u32, &u64)| {
                let topic = "t".into();
                let note = "start=1970-01-01T00:00:00.000Z".to_owned();
                (Partition { topic, number }, Position { next, note })
            };
            (0..).zip(next).map(position).collect()
        };
        assert_eq!(keeper("g").positions().unwrap(), Committed::new());
        assert!(!folder.path().join(name).exists(), "a look creates nothing");
        for group in ["g", "other"] {
            let mut keeper = keeper(group);
            keeper.lock().unwrap();
            keeper.replace(&positions(&[5, 6])).unwrap();
        }
        let mut first = keeper("g");
        first.lock().unwrap();
        first.replace(&positions(&[0])).unwrap();
        let refused = keeper("g").lock().unwrap_err().to_string();
        assert!(refused.contains("is writing to"), "{refused}");
        // A look needs no lock.
        assert_eq!(keeper("g").positions().unwrap(), positions(&[0, 6]));
        assert_eq!(first.positions().unwrap(), positions(&[0, 6]));
        assert_eq!(keeper("other").positions().unwrap(), positions(&[5, 6]));
    }
}
