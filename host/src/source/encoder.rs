//! Writes msgpack as upstream's journal writer does: each value in its shortest form.

use rmp::encode;

/// msgpack's type of a time.
const TIMESTAMP: i8 = -1;

/// A buffer with msgpack.
///
/// Writing to memory cannot fail, and a record is far smaller than the 4 GiB that a length may have: its size is checked
/// before it is encoded. So what a writer returns is dropped.
#[derive(Debug, Default)]
pub(super) struct Encoder(Vec<u8>);

impl Encoder {
    /// Removes what was written and keeps the buffer.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What was written.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The header of a map; its pairs follow.
    pub(super) fn map(&mut self, pairs: usize) -> &mut Self {
        let _ok = encode::write_map_len(&mut self.0, length(pairs));
        self
    }

    /// The header of an array; its items follow.
    pub(super) fn array(&mut self, items: usize) -> &mut Self {
        let _ok = encode::write_array_len(&mut self.0, length(items));
        self
    }

    /// A text.
    pub(super) fn str(&mut self, text: &str) -> &mut Self {
        let _ok = encode::write_str(&mut self.0, text);
        self
    }

    /// Bytes.
    pub(super) fn bin(&mut self, bytes: &[u8]) -> &mut Self {
        let _ok = encode::write_bin(&mut self.0, bytes);
        self
    }

    /// Bytes, or nil.
    pub(super) fn bin_or_nil(&mut self, bytes: Option<&[u8]>) -> &mut Self {
        match bytes {
            Some(bytes) => self.bin(bytes),
            None => self.nil(),
        }
    }

    /// Bytes that are msgpack already.
    #[cfg(feature = "dataset")]
    pub(super) fn raw(&mut self, msgpack: &[u8]) -> &mut Self {
        self.0.extend_from_slice(msgpack);
        self
    }

    /// Nothing.
    pub(super) fn nil(&mut self) -> &mut Self {
        let _ok = encode::write_nil(&mut self.0);
        self
    }

    /// False.
    pub(super) fn no(&mut self) -> &mut Self {
        let _ok = encode::write_bool(&mut self.0, false);
        self
    }

    /// A number that is not negative.
    pub(super) fn uint(&mut self, number: u64) -> &mut Self {
        let _ok = encode::write_uint(&mut self.0, number);
        self
    }

    /// A number.
    pub(super) fn int(&mut self, number: i64) -> &mut Self {
        let _ok = encode::write_sint(&mut self.0, number);
        self
    }

    /// A time: seconds since 1970, and nanoseconds after them.
    pub(super) fn time(&mut self, seconds: i64, nanoseconds: u32) -> &mut Self {
        let short = u32::try_from(seconds).ok().filter(|_| nanoseconds == 0);
        let middle = u64::try_from(seconds)
            .ok()
            .filter(|&seconds| seconds < 1 << 34);
        if let Some(seconds) = short {
            self.timestamp(&seconds.to_be_bytes());
        } else if let Some(seconds) = middle {
            self.timestamp(&(u64::from(nanoseconds) << 34 | seconds).to_be_bytes());
        } else {
            let (nanoseconds, seconds) = (nanoseconds.to_be_bytes(), seconds.to_be_bytes());
            self.timestamp(&[&nanoseconds[..], &seconds].concat());
        }
        self
    }

    fn timestamp(&mut self, bytes: &[u8]) {
        let _ok = encode::write_ext_meta(&mut self.0, length(bytes.len()), TIMESTAMP);
        self.0.extend_from_slice(bytes);
    }
}

fn length(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(write: impl Fn(&mut Encoder)) -> Vec<u8> {
        let mut encoder = Encoder::default();
        write(&mut encoder);
        encoder.0
    }

    #[test]
    fn each_value_has_its_shortest_form() {
        for (number, bytes) in [
            (0, &[0][..]),
            (127, &[127]),
            (128, &[0xcc, 128]),
            (256, &[0xcd, 1, 0]),
            (65536, &[0xce, 0, 1, 0, 0]),
            (1 << 32, &[0xcf, 0, 0, 0, 1, 0, 0, 0, 0]),
            (-1, &[0xff]),
            (-32, &[0xe0]),
            (-33, &[0xd0, 0xdf]),
            (-129, &[0xd1, 0xff, 0x7f]),
            (-32769, &[0xd2, 0xff, 0xff, 0x7f, 0xff]),
            (-(1 << 33), &[0xd3, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 0]),
        ] {
            assert_eq!(
                of(|e| {
                    e.int(number);
                }),
                bytes,
                "{number}"
            );
        }
        for (length, header) in [
            (0, &[0xc4, 0][..]),
            (255, &[0xc4, 255]),
            (256, &[0xc5, 1, 0]),
            (65536, &[0xc6, 0, 1, 0, 0]),
        ] {
            assert_eq!(
                &of(|e| {
                    e.bin(&vec![0; length]);
                })[..header.len()],
                header
            );
        }
        assert_eq!(
            of(|e| {
                e.str(&"x".repeat(31));
            })[0],
            0xbf
        );
        assert_eq!(
            of(|e| {
                e.str(&"x".repeat(32));
            })[..2],
            [0xd9, 32]
        );
        assert_eq!(
            of(|e| {
                e.map(15);
            }),
            [0x8f]
        );
        assert_eq!(
            of(|e| {
                e.map(16);
            }),
            [0xde, 0, 16]
        );
        assert_eq!(
            of(|e| {
                e.array(70_000);
            }),
            [0xdd, 0, 1, 0x11, 0x70]
        );
    }

    #[test]
    fn time_has_the_form_that_it_fits() {
        assert_eq!(
            of(|e| {
                e.time(1, 0);
            }),
            [0xd6, 0xff, 0, 0, 0, 1]
        );
        assert_eq!(
            of(|e| {
                e.time(1, 1);
            })[..2],
            [0xd7, 0xff]
        );
        assert_eq!(
            of(|e| {
                e.time(1 << 33, 0);
            })[..2],
            [0xd7, 0xff]
        );
        assert_eq!(
            of(|e| {
                e.time(-1, 0);
            })[..3],
            [0xc7, 12, 0xff]
        );
        assert_eq!(
            of(|e| {
                e.time(1 << 34, 0);
            })
            .len(),
            15
        );
    }
}
