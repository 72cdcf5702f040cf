//! Objects, their bytes and tombstones by type, as `count-objects` counts them.

use super::Work;
use crate::answer::Answer;

#[derive(Default)]
pub(super) struct Counts {
    types: Vec<Sums>,
    last: usize,
}

#[derive(Default)]
struct Sums {
    object_type: String,
    objects: u64,
    bytes: u64,
    tombstones: u64,
}

impl Work for Counts {
    fn record(&mut self, object_type: &str, value: Option<&[u8]>) {
        let is_it = |sums: &Sums| sums.object_type == object_type;
        // Messages come in runs of one topic.
        if !self.types.get(self.last).is_some_and(is_it) {
            let place = self.types.iter().position(is_it);
            self.last = place.unwrap_or_else(|| {
                self.types.push(Sums {
                    object_type: object_type.to_owned(),
                    ..Sums::default()
                });
                self.types.len() - 1
            });
        }
        let sums = &mut self.types[self.last];
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
