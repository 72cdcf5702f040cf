//! Compressed lines. Those of each checkpoint are one whole member of a gzip file, or one frame of a zstd file, so that
//! nothing in the file waits for the next checkpoint.

use std::io;

use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, TDEFLStatus, compress_to_output, create_comp_flags_from_zip_params,
};
use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

use crate::sink::binding::without_ending;

/// The default of `gzip`.
const GZIP_LEVEL: i32 = 6;
/// The default of `zstd`.
const ZSTD_LEVEL: i32 = 3;

/// The memory that each worker takes for the lines of one checkpoint, in bytes: the state of a compressor, and lines that
/// compress to a half, which JSON does even where it is all hexadecimal digits.
pub(in crate::sink) const MEMORY: usize = 12 << 20;

/// How a member of gzip begins here: deflated, without a name, of no time, from no operating system in particular.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// How a frame of zstd begins.
const ZSTD_HEADER: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A format of compressed lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sink) enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Compression {
    /// The format that the name of a file promises to its readers.
    pub(in crate::sink) fn of_name(file: &str) -> Option<Self> {
        Self::split_name(file).map(|(_, compression)| compression)
    }

    /// The name of a file without the ending that promises a format, and the format.
    pub(in crate::sink) fn split_name(file: &str) -> Option<(&str, Self)> {
        let of = |ending, compression| Some((without_ending(file, ending)?, compression));
        of(".gz", Self::Gzip).or_else(|| of(".zst", Self::Zstd))
    }

    /// What a file consists of.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Gzip => "gzip member",
            Self::Zstd => "zstd frame",
        }
    }

    /// The bytes with which each member begins, whoever wrote it.
    pub(super) fn magic(self) -> &'static [u8] {
        match self {
            Self::Gzip => &GZIP_HEADER[..3],
            Self::Zstd => &ZSTD_HEADER,
        }
    }

    /// The bytes with which each member begins that this host writes.
    pub(super) fn header(self) -> &'static [u8] {
        match self {
            Self::Gzip => &GZIP_HEADER,
            Self::Zstd => &ZSTD_HEADER,
        }
    }

    /// A whole member with these lines and their checksum.
    pub(super) fn compress(self, lines: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip => gzip(lines),
            Self::Zstd => zstd(lines),
        }
    }
}

fn gzip(lines: &[u8]) -> io::Result<Vec<u8>> {
    let mut member = GZIP_HEADER.to_vec();
    // A window of no bits stands for deflate without a wrapping of zlib.
    let flags = create_comp_flags_from_zip_params(GZIP_LEVEL, 0, 0);
    let mut compressor = CompressorOxide::new(flags);
    let take = |deflated: &[u8]| {
        member.extend_from_slice(deflated);
        true
    };
    let (status, _) = compress_to_output(&mut compressor, lines, TDEFLFlush::Finish, take);
    if status != TDEFLStatus::Done {
        return Err(io::Error::other("the lines cannot be deflated"));
    }
    member.extend(crc32fast::hash(lines).to_le_bytes());
    // The format counts in 32 bits and forgets the others.
    member.extend(&(lines.len() as u64).to_le_bytes()[..4]);
    Ok(member)
}

fn zstd(lines: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressor = Compressor::new(ZSTD_LEVEL)?;
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    compressor.compress(lines)
}
