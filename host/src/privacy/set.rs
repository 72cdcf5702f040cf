//! Sets of identifiers that take little memory and answer in a few accesses to it.

use super::swhid::{Id, Kind, Swhid};

/// Identifiers of one kind.
///
/// Identifiers are hashes, so their first bytes say about where they are in a sorted list, and other bytes are as good
/// as a hash of them. Most records are of objects that are not in the set, which one bit says.
#[derive(Debug, Default)]
struct Ids {
    /// Each once.
    sorted: Box<[Id]>,
    /// Where the identifiers begin that have the same first bits, for each value of these bits, and after the last.
    starts: Box<[u32]>,
    /// How far the first eight bytes are shifted to the bits that choose a start.
    shift: u32,
    /// For each identifier, the bit that other bytes of it choose is set.
    bits: Box<[u64]>,
}

/// Identifiers between two starts, about.
const PER_START: usize = 16;
/// Bits of the table for each identifier, at least; twice as many at most.
const BITS_PER_ID: usize = 8;

impl Ids {
    fn new(mut ids: Vec<Id>) -> Self {
        ids.sort_unstable();
        ids.dedup();
        ids.shrink_to_fit();
        if ids.is_empty() {
            return Self::default();
        }
        let start_bits = (ids.len() / PER_START).max(2).ilog2();
        let shift = u64::BITS - start_bits;
        let mut starts = Vec::with_capacity((1 << start_bits) + 1);
        let mut at = 0;
        for start in 0..=1_u64 << start_bits {
            at += ids[at..].partition_point(|id| first(id) >> shift < start);
            starts.push(u32::try_from(at).unwrap_or(u32::MAX));
        }
        let bits = (ids.len() * BITS_PER_ID).next_power_of_two();
        let mut bits = vec![0_u64; bits.div_ceil(64)].into_boxed_slice();
        for id in &ids {
            let (word, bit) = bit(id, bits.len());
            bits[word] |= bit;
        }
        Self {
            sorted: ids.into(),
            starts: starts.into(),
            shift,
            bits,
        }
    }

    fn contains(&self, id: &Id) -> bool {
        let (word, bit) = bit(id, self.bits.len());
        let Some(bits) = self.bits.get(word) else {
            return false;
        };
        if bits & bit == 0 {
            return false;
        }
        let start = usize::try_from(first(id) >> self.shift).unwrap_or(usize::MAX);
        let Some(&[begin, end]) = self
            .starts
            .get(start..)
            .and_then(|starts| starts.first_chunk())
        else {
            return false;
        };
        let near = self.sorted.get(begin as usize..end as usize);
        near.is_some_and(|near| near.binary_search(id).is_ok())
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.sorted) + size_of_val(&*self.starts) + size_of_val(&*self.bits)
    }
}

fn first(id: &Id) -> u64 {
    number::<0>(id)
}

/// The word and the bit of an identifier in a table of this many words, a power of two.
fn bit(id: &Id, words: usize) -> (usize, u64) {
    let number = number::<8>(id);
    let word = usize::try_from(number >> 6).unwrap_or(usize::MAX) & words.wrapping_sub(1);
    (word, 1 << (number & 63))
}

fn number<const FROM: usize>(id: &Id) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&id[FROM..FROM + 8]);
    u64::from_be_bytes(bytes)
}

/// Identifiers by kind.
#[derive(Debug, Default)]
pub(super) struct MaskSet {
    kinds: [Ids; Kind::COUNT],
}

impl MaskSet {
    /// Whether an object is in the set.
    pub(super) fn contains(&self, swhid: &Swhid) -> bool {
        self.kinds[swhid.kind as usize].contains(&swhid.id)
    }

    /// Whether no object of a kind is in the set.
    pub(super) fn is_without(&self, kind: Kind) -> bool {
        self.kinds[kind as usize].sorted.is_empty()
    }

    /// The number of identifiers.
    pub(super) fn len(&self) -> usize {
        self.kinds.iter().map(|ids| ids.sorted.len()).sum()
    }

    /// The memory that it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.kinds.iter().map(Ids::bytes).sum()
    }
}

/// A set in the making.
#[derive(Default)]
pub(super) struct MaskBuilder {
    kinds: [Vec<Id>; Kind::COUNT],
}

impl MaskBuilder {
    /// The most identifiers of one kind.
    pub(super) const MOST: usize = u32::MAX as usize;

    /// Adds an object. False when there are too many.
    pub(super) fn add(&mut self, swhid: &Swhid) -> bool {
        let ids = &mut self.kinds[swhid.kind as usize];
        ids.push(swhid.id);
        ids.len() <= Self::MOST
    }

    /// The set of all that was added.
    pub(super) fn build(self) -> MaskSet {
        MaskSet {
            kinds: self.kinds.map(Ids::new),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hash of a number, which is like any other identifier.
    fn swhid(number: u32, kind: Kind) -> Swhid {
        let id = Swhid::of_origin(&number.to_be_bytes()).id;
        Swhid { kind, id }
    }

    fn set(swhids: impl IntoIterator<Item = Swhid>) -> MaskSet {
        let mut builder = MaskBuilder::default();
        for swhid in swhids {
            assert!(builder.add(&swhid));
        }
        builder.build()
    }

    #[test]
    fn set_has_what_was_added_and_nothing_else() {
        for count in [0, 1, 2, 3, 31, 32, 33, 1000, 50_000] {
            let all = 0..count;
            let set = set(all.clone().map(|number| swhid(number, Kind::Revision)));
            assert_eq!(set.len(), count as usize);
            assert_eq!(set.is_without(Kind::Revision), count == 0);
            for number in all {
                assert!(set.contains(&swhid(number, Kind::Revision)));
                assert!(!set.contains(&swhid(number, Kind::Release)));
            }
            for number in count..2 * count + 100 {
                assert!(!set.contains(&swhid(number, Kind::Revision)), "{number}");
            }
        }
    }

    #[test]
    fn identifiers_that_are_no_hashes_are_found() {
        let edges = [0, 1, 0x7f, 0x80, 0xff].map(|byte| Swhid {
            kind: Kind::Content,
            id: [byte; 20],
        });
        let mut near = edges[1];
        near.id[19] = 0;
        let set = set((0..100).flat_map(|_| edges));
        assert_eq!(set.len(), edges.len());
        assert!(edges.iter().all(|edge| set.contains(edge)));
        assert!(!set.contains(&near));
    }

    #[test]
    fn a_swhid_takes_24_bytes_at_most() {
        for count in [100_000, 131_072, 131_073, 200_000] {
            let set = set((0..count).map(|number| swhid(number, Kind::Content)));
            let each = set.bytes().div_ceil(count as usize);
            assert!(each <= 23, "{count}: {each}");
        }
    }
}
