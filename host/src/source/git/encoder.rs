//! Writes msgpack as upstream's journal writer does: each value in its shortest form.

/// A buffer with msgpack.
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
        self.sized(pairs, (0x80, 16), [None, Some(0xde), Some(0xdf)])
    }

    /// The header of an array; its items follow.
    pub(super) fn array(&mut self, items: usize) -> &mut Self {
        self.sized(items, (0x90, 16), [None, Some(0xdc), Some(0xdd)])
    }

    /// A text.
    pub(super) fn str(&mut self, text: &str) -> &mut Self {
        self.sized(text.len(), (0xa0, 32), [Some(0xd9), Some(0xda), Some(0xdb)]);
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// Bytes.
    pub(super) fn bin(&mut self, bytes: &[u8]) -> &mut Self {
        self.sized(bytes.len(), (0, 0), [Some(0xc4), Some(0xc5), Some(0xc6)]);
        self.0.extend_from_slice(bytes);
        self
    }

    /// Bytes, or nil.
    pub(super) fn bin_or_nil(&mut self, bytes: Option<&[u8]>) -> &mut Self {
        match bytes {
            Some(bytes) => self.bin(bytes),
            None => self.nil(),
        }
    }

    /// Nothing.
    pub(super) fn nil(&mut self) -> &mut Self {
        self.0.push(0xc0);
        self
    }

    /// False.
    pub(super) fn no(&mut self) -> &mut Self {
        self.0.push(0xc2);
        self
    }

    /// A number that is not negative.
    pub(super) fn uint(&mut self, number: u64) -> &mut Self {
        if let Ok(small) = u8::try_from(number) {
            if small >= 0x80 {
                self.0.push(0xcc);
            }
            self.0.push(small);
        } else if let Ok(number) = u16::try_from(number) {
            self.0.push(0xcd);
            self.0.extend(number.to_be_bytes());
        } else if let Ok(number) = u32::try_from(number) {
            self.0.push(0xce);
            self.0.extend(number.to_be_bytes());
        } else {
            self.0.push(0xcf);
            self.0.extend(number.to_be_bytes());
        }
        self
    }

    /// A number.
    pub(super) fn int(&mut self, number: i64) -> &mut Self {
        if let Ok(number) = u64::try_from(number) {
            return self.uint(number);
        }
        if let Ok(small) = i8::try_from(number) {
            if small < -32 {
                self.0.push(0xd0);
            }
            self.0.extend(small.to_be_bytes());
        } else if let Ok(number) = i16::try_from(number) {
            self.0.push(0xd1);
            self.0.extend(number.to_be_bytes());
        } else if let Ok(number) = i32::try_from(number) {
            self.0.push(0xd2);
            self.0.extend(number.to_be_bytes());
        } else {
            self.0.push(0xd3);
            self.0.extend(number.to_be_bytes());
        }
        self
    }

    /// A time: seconds since 1970, and nanoseconds after them.
    pub(super) fn time(&mut self, seconds: i64, nanoseconds: u32) -> &mut Self {
        let short = u32::try_from(seconds)
            .ok()
            .filter(|_| nanoseconds == 0)
            .map(u32::to_be_bytes);
        let middle = u64::try_from(seconds)
            .ok()
            .filter(|&seconds| seconds < 1 << 34)
            .map(|seconds| (u64::from(nanoseconds) << 34 | seconds).to_be_bytes());
        if let Some(bytes) = short {
            self.0.extend([0xd6, 0xff]);
            self.0.extend(bytes);
        } else if let Some(bytes) = middle {
            self.0.extend([0xd7, 0xff]);
            self.0.extend(bytes);
        } else {
            self.0.extend([0xc7, 12, 0xff]);
            self.0.extend(nanoseconds.to_be_bytes());
            self.0.extend(seconds.to_be_bytes());
        }
        self
    }

    /// A header with a length: in one byte below a limit, or after a marker in one, two or four bytes.
    fn sized(
        &mut self,
        length: usize,
        (fixed, limit): (u8, u8),
        markers: [Option<u8>; 3],
    ) -> &mut Self {
        let [one, two, four] = markers;
        match (u8::try_from(length), one) {
            (Ok(length), _) if length < limit => self.0.push(fixed | length),
            (Ok(length), Some(marker)) => self.0.extend([marker, length]),
            _ => {
                if let (Ok(length), Some(marker)) = (u16::try_from(length), two) {
                    self.0.push(marker);
                    self.0.extend(length.to_be_bytes());
                } else {
                    // A record is far smaller than 4 GiB: its size is checked before it is encoded.
                    self.0.extend(four);
                    let length = u32::try_from(length).unwrap_or(u32::MAX);
                    self.0.extend(length.to_be_bytes());
                }
            }
        }
        self
    }
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
