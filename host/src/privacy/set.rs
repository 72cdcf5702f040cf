//! Sets of identifiers that take little memory and answer in a few accesses to it.

use super::swhid::{Id, Kind, Swhid};

/// Identifiers of one kind.
///
/// Identifiers are hashes, so their first bytes say about where they are in a sorted list, and other bytes are as good
/// as a hash of them. Most records are of objects that are not in the set, which a few bits of one word say.
#[derive(Debug, Default)]
struct Ids {
    /// Each once.
    sorted: Box<[Id]>,
    /// Where the identifiers begin that have the same first bits, for each value of these bits, and after the last.
    starts: Box<[u32]>,
    /// How far the first eight bytes are shifted to the bits that choose a start.
    shift: u32,
    /// A Bloom filter: for each identifier, the bits are set that its middle bytes choose, all in one word.
    filter: Box<[u64]>,
}

/// Identifiers between two starts, about.
const PER_START: usize = 16;
/// Bits of the filter for each identifier.
const BITS_PER_ID: usize = 16;

/// What a filter asks of an identifier: these are its middle bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Middle(u64);

impl Middle {
    pub(super) fn of(id: &Id) -> Self {
        Self(number::<8>(id))
    }

    /// The index of its word among so many: the high bits choose it.
    fn word(self, words: usize) -> usize {
        let product = u128::from(self.0) * words as u128;
        usize::try_from(product >> u64::BITS).unwrap_or(usize::MAX)
    }

    /// Its bits in the word: four, which the low bits choose.
    fn bits(self) -> u64 {
        let bit = |shift: u32| 1_u64 << ((self.0 >> shift) & 63);
        bit(0) | bit(6) | bit(12) | bit(18)
    }
}

impl Ids {
    fn new(mut ids: Vec<Id>) -> Self {
        ids.sort_unstable();
        ids.dedup();
        ids.shrink_to_fit();
        if ids.is_empty() {
            return Self::default();
        }
        let start_bits = start_bits(ids.len());
        let shift = u64::BITS - start_bits;
        let mut starts = Vec::with_capacity((1 << start_bits) + 1);
        let mut at = 0;
        for start in 0..=1_u64 << start_bits {
            at += ids[at..].partition_point(|id| first(id) >> shift < start);
            starts.push(u32::try_from(at).unwrap_or(u32::MAX));
        }
        let mut filter = vec![0_u64; filter_words(ids.len())].into_boxed_slice();
        for id in &ids {
            let middle = Middle::of(id);
            filter[middle.word(filter.len())] |= middle.bits();
        }
        Self {
            sorted: ids.into(),
            starts: starts.into(),
            shift,
            filter,
        }
    }

    /// Whether an identifier with these bytes may be in the set.
    #[inline]
    fn may_contain(&self, middle: Middle) -> bool {
        let word = self.filter.get(middle.word(self.filter.len()));
        word.is_some_and(|word| word & middle.bits() == middle.bits())
    }

    fn contains(&self, id: &Id) -> bool {
        if !self.may_contain(Middle::of(id)) {
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
        size_of_val(&*self.sorted) + size_of_val(&*self.starts) + size_of_val(&*self.filter)
    }

    /// The memory of so many identifiers, in bytes.
    fn bytes_of(ids: usize) -> usize {
        if ids == 0 {
            return 0;
        }
        let starts = (1 << start_bits(ids)) + 1;
        ids * size_of::<Id>() + starts * size_of::<u32>() + filter_words(ids) * size_of::<u64>()
    }
}

fn start_bits(ids: usize) -> u32 {
    (ids / PER_START).max(2).ilog2()
}

fn filter_words(ids: usize) -> usize {
    (ids * BITS_PER_ID).div_ceil(u64::BITS as usize)
}

fn first(id: &Id) -> u64 {
    number::<0>(id)
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

    /// Whether an object of this kind whose identifier has these bytes may be in the set.
    #[inline]
    pub(super) fn may_contain(&self, kind: Kind, middle: Middle) -> bool {
        self.kinds[kind as usize].may_contain(middle)
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

/// The identifiers in a list, which are counted and not kept.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MaskCount {
    kinds: [usize; Kind::COUNT],
}

impl MaskCount {
    /// Counts an object. False when there are too many.
    pub(super) fn add(&mut self, swhid: &Swhid) -> bool {
        let ids = &mut self.kinds[swhid.kind as usize];
        *ids += 1;
        *ids <= MaskBuilder::MOST
    }

    /// The memory of the set, in bytes; that of a list without repeated lines.
    pub(super) fn bytes(&self) -> usize {
        self.kinds.iter().map(|&ids| Ids::bytes_of(ids)).sum()
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
    fn filter_lets_few_others_through() {
        let kind = Kind::Snapshot;
        let set = set((0..10_000).map(|number| swhid(number, kind)));
        let may = |number| set.may_contain(kind, Middle::of(&swhid(number, kind).id));
        assert!((0..10_000).all(may));
        let others = (10_000..110_000).filter(|&number| may(number)).count();
        assert!(others < 1000, "{others} of 100,000");
    }

    #[test]
    fn a_swhid_takes_24_bytes_at_most() {
        for count in [100_000, 131_072, 131_073, 200_000] {
            let set = set((0..count).map(|number| swhid(number, Kind::Content)));
            let each = set.bytes().div_ceil(count as usize);
            assert!(each <= 23, "{count}: {each}");
            let mut counted = MaskCount::default();
            for number in 0..count {
                assert!(counted.add(&swhid(number, Kind::Content)));
            }
            assert_eq!(counted.bytes(), set.bytes());
        }
    }
}
