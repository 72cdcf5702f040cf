//! Which rows of the main table have an identifier.

/// A hash that names an object.
pub(super) type Id = [u8; 20];

/// The identifiers of rows, in their order.
#[derive(Debug, Default)]
pub(super) struct Ids {
    rows: Vec<(Id, u64)>,
    /// Where identifiers begin that have these first bits: hashes are spread evenly.
    starts: Vec<usize>,
    bits: u32,
}

/// The memory of an identifier, with its part of the starts.
pub(super) const ID_MEMORY: usize = size_of::<(Id, u64)>() + size_of::<usize>() / 2;
/// The most bits that choose a start.
const MOST_BITS: u32 = 24;

impl Ids {
    /// Sorts identifiers, with their rows.
    pub(super) fn new(mut ids: Vec<(Id, u64)>) -> Self {
        ids.sort_unstable();
        // Two to four identifiers share a start.
        let bits = (ids.len() / 2).max(1).ilog2().min(MOST_BITS);
        let mut starts = vec![0; (1 << bits) + 1];
        for (id, _) in &ids {
            starts[first_bits(id, bits) + 1] += 1;
        }
        for index in 1..starts.len() {
            starts[index] += starts[index - 1];
        }
        Self {
            rows: ids,
            starts,
            bits,
        }
    }

    /// The rows that have an identifier.
    pub(super) fn rows<'a>(&'a self, id: &'a Id) -> impl Iterator<Item = u64> + 'a {
        let bits = first_bits(id, self.bits);
        let (from, to) = match (self.starts.get(bits), self.starts.get(bits + 1)) {
            (Some(&from), Some(&to)) => (from, to),
            _ => (0, 0),
        };
        let near = &self.rows[from..to];
        let first = near.partition_point(|(one, _)| one < id);
        let same = near[first..].iter().take_while(move |(one, _)| one == id);
        same.map(|(_, row)| *row)
    }
}

fn first_bits(id: &Id, bits: u32) -> usize {
    let (first, _) = id.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
    // There may be no bit.
    let first = u32::from_be_bytes(*first).checked_shr(u32::BITS - bits);
    first.unwrap_or_default() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> Id {
        let mut id = [0; 20];
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        id[..8].copy_from_slice(&mixed.to_be_bytes());
        id[19] = number.to_le_bytes()[0];
        id
    }

    #[test]
    fn rows_are_found_by_their_identifiers() {
        for count in [0, 1, 2, 3, 1000, 5000] {
            let ids = (0..count).flat_map(|number| {
                let times = if number % 7 == 0 { 2 } else { 1 };
                (0..times).map(move |time| (id(number), number * 10 + time))
            });
            let ids = Ids::new(ids.collect());
            for number in 0..count {
                let rows: Vec<u64> = ids.rows(&id(number)).collect();
                let twice = [number * 10, number * 10 + 1];
                let expected = if number % 7 == 0 {
                    &twice[..]
                } else {
                    &twice[..1]
                };
                assert_eq!(rows, expected);
            }
            assert_eq!(ids.rows(&id(count)).count(), 0);
            assert_eq!(ids.rows(&[0xff; 20]).count(), 0);
        }
    }
}
