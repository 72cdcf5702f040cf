//! Counts objects, their bytes and tombstones by type, like `count-objects`.

use super::Work;
use crate::answer::Answer;

#[derive(Default)]
pub(super) struct Counts {
    types: Vec<Sums>,
}

#[derive(Default)]
struct Sums {
    object_type: String,
    objects: u64,
    bytes: u64,
    tombstones: u64,
}

impl Work for Counts {
    /// The index of its sums.
    type Topic = usize;

    fn topic(&mut self, object_type: &str) -> usize {
        let is_it = |sums: &Sums| sums.object_type == object_type;
        let index = self.types.iter().position(is_it);
        index.unwrap_or_else(|| {
            self.types.push(Sums {
                object_type: object_type.to_owned(),
                ..Sums::default()
            });
            self.types.len() - 1
        })
    }

    fn record(&mut self, topic: usize, value: Option<&[u8]>) {
        let sums = &mut self.types[topic];
        match value {
            Some(value) => {
                sums.objects += 1;
                sums.bytes += value.len() as u64;
            }
            None => sums.tombstones += 1,
        }
    }

    fn answer(self) -> Answer {
        let counts = self.types.into_iter();
        counts
            .inspect(|sums| assert!(sums.bytes > 0 && sums.tombstones == 0))
            .map(|sums| (sums.object_type, sums.objects))
            .collect()
    }
}
