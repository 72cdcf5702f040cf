//! Offset files: the positions of a consumer group as text, in the format of upstream's journal client.
//!
//! A line holds a topic, a partition and the next offset to read, separated by tabs. Empty lines and lines that begin
//! with `#` hold no offset; one of them names the group. A reader accepts any white space between the fields, as
//! upstream's does.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use journal_recording::is_topic_name;

use super::offsets::{Offsets, Partition};
use crate::text::{Quoted, REASON_BYTES, clean};

/// The limit on an offset file, in bytes: enough for hundreds of thousands of partitions.
const MOST_BYTES: usize = 16 << 20;
/// The limit on the partitions of a file: more than a cluster has. Each takes more memory than its line.
const MOST_OFFSETS: usize = 500_000;
/// The beginning of the line that names the group, after the `#`.
const GROUP: &str = "consumer_group:";
/// Kafka's partitions are signed numbers of 32 bits.
const MOST_PARTITION: u32 = i32::MAX.unsigned_abs();
/// Kafka's offsets are signed numbers of 64 bits.
const MOST_OFFSET: u64 = i64::MAX.unsigned_abs();

/// What an offset file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetFile {
    /// The group whose positions they were, if the file names it.
    pub group_id: Option<String>,
    /// The next offset to read of each partition.
    pub offsets: Offsets,
}

/// Why an offset file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OffsetFileError {
    /// The system could not read it.
    #[error("cannot read the offset file `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Its content is wrong.
    #[error("the offset file `{}` {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, as the rest of the sentence.
        problem: Problem,
    },
}

/// What is wrong with the content of an offset file, as the rest of a sentence about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is too large to be one.
    #[error("has more than {MOST_BYTES} bytes")]
    TooLarge,
    /// It has more offsets than a cluster has partitions.
    #[error("has more than {MOST_OFFSETS} offsets")]
    TooMany,
    /// It has no offset.
    #[error("has no offsets")]
    Empty,
    /// A line is not UTF-8.
    #[error("is not text in line {line}")]
    NotText {
        /// The line, counted from 1.
        line: usize,
    },
    /// A line does not have three fields.
    #[error("has {fields} fields instead of 3 in line {line}")]
    Fields {
        /// The line, counted from 1.
        line: usize,
        /// The fields that it has.
        fields: usize,
    },
    /// A topic has a name that Kafka does not allow.
    #[error(
        "names a topic {} in line {line}, which Kafka does not allow",
        Quoted(name)
    )]
    TopicName {
        /// The line, counted from 1.
        line: usize,
        /// The name.
        name: String,
    },
    /// A partition or an offset is not a number, or not one in the range.
    #[error(
        "has the {field} {} in line {line}, which is not a number from 0 to {most}",
        Quoted(text)
    )]
    Number {
        /// The line, counted from 1.
        line: usize,
        /// What the number should be.
        field: &'static str,
        /// What the line has instead.
        text: String,
        /// The greatest number.
        most: u64,
    },
    /// Two lines name the same partition.
    #[error("names {partition} in line {first} and again in line {line}")]
    Duplicate {
        /// The second line, counted from 1.
        line: usize,
        /// The first line.
        first: usize,
        /// The partition.
        partition: Partition,
    },
}

impl OffsetFile {
    /// Reads an offset file, which may be a pipe.
    ///
    /// # Errors
    /// When it cannot be read, is too large, or breaks a rule of the format.
    pub fn read(path: &Path) -> Result<Self, OffsetFileError> {
        let mut bytes = Vec::new();
        // One byte more than is allowed shows that the file is too large.
        let limit = MOST_BYTES as u64 + 1;
        File::open(path)
            .and_then(|file| file.take(limit).read_to_end(&mut bytes))
            .map_err(|source| OffsetFileError::Read {
                path: path.to_owned(),
                source,
            })?;
        Self::parse(&bytes).map_err(|problem| OffsetFileError::Content {
            path: path.to_owned(),
            problem,
        })
    }

    /// Parses the content of an offset file.
    ///
    /// # Errors
    /// When it is too large, or breaks a rule of the format.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        if bytes.len() > MOST_BYTES {
            return Err(Problem::TooLarge);
        }
        let mut group_id = None;
        let mut topics = Topics::default();
        let mut found: BTreeMap<Partition, (u64, usize)> = BTreeMap::new();
        for (index, bytes) in bytes.split(|&byte| byte == b'\n').enumerate() {
            let line = index + 1;
            let text = str::from_utf8(bytes).map_err(|_| Problem::NotText { line })?;
            let text = text.trim();
            if let Some(comment) = text.strip_prefix('#') {
                let group = comment.trim_start().strip_prefix(GROUP);
                group_id = group_id.or_else(|| group.map(|id| id.trim().to_owned()));
                continue;
            }
            if text.is_empty() {
                continue;
            }
            if found.len() == MOST_OFFSETS {
                return Err(Problem::TooMany);
            }
            let (partition, next) = topics.entry(line, text)?;
            match found.entry(partition) {
                Entry::Vacant(entry) => {
                    entry.insert((next, line));
                }
                Entry::Occupied(entry) => {
                    return Err(Problem::Duplicate {
                        line,
                        first: entry.get().1,
                        partition: entry.key().clone(),
                    });
                }
            }
        }
        if found.is_empty() {
            return Err(Problem::Empty);
        }
        let offsets = found.into_iter();
        Ok(Self {
            group_id,
            offsets: offsets
                .map(|(partition, (next, _))| (partition, next))
                .collect(),
        })
    }
}

impl fmt::Display for OffsetFile {
    /// Writes the file, sorted by topic and partition. A group's name may hold any character, and cannot forge a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(group_id) = &self.group_id {
            writeln!(f, "# {GROUP} {}", clean(group_id, REASON_BYTES))?;
        }
        for (partition, next) in &self.offsets {
            writeln!(f, "{}\t{}\t{next}", partition.topic, partition.number)?;
        }
        Ok(())
    }
}

/// The topics of the lines so far: the partitions of one share its name.
#[derive(Default)]
struct Topics {
    last: Option<Arc<str>>,
}

impl Topics {
    /// The partition and the offset of a line.
    fn entry(&mut self, line: usize, text: &str) -> Result<(Partition, u64), Problem> {
        let mut fields = text.split_whitespace();
        let (Some(topic), Some(number), Some(next), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            let fields = text.split_whitespace().count();
            return Err(Problem::Fields { line, fields });
        };
        if !is_topic_name(topic) {
            return Err(Problem::TopicName {
                line,
                name: topic.to_owned(),
            });
        }
        let number = in_range(line, "partition", number, MOST_PARTITION.into())?;
        let next = in_range(line, "offset", next, MOST_OFFSET)?;
        let topic = match &self.last {
            Some(last) if **last == *topic => Arc::clone(last),
            _ => Arc::from(topic),
        };
        self.last = Some(Arc::clone(&topic));
        let partition = Partition {
            topic,
            number: u32::try_from(number).unwrap_or(MOST_PARTITION),
        };
        Ok((partition, next))
    }
}

fn in_range(line: usize, field: &'static str, text: &str, most: u64) -> Result<u64, Problem> {
    let number = text.parse().ok().filter(|&number| number <= most);
    number.ok_or_else(|| Problem::Number {
        line,
        field,
        text: text.to_owned(),
        most,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(topic: &str, number: u32) -> Partition {
        Partition {
            topic: topic.into(),
            number,
        }
    }

    fn problem(text: &str) -> String {
        OffsetFile::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn file_that_is_written_reads_as_it_was() {
        let file = OffsetFile {
            group_id: Some("alice-counts".to_owned()),
            offsets: [
                (partition("swh.journal.objects.origin", 10), 0),
                (partition("swh.journal.objects.origin", 2), MOST_OFFSET),
                (partition("a", MOST_PARTITION), 7),
            ]
            .into(),
        };
        let text = file.to_string();
        assert_eq!(
            text,
            "# consumer_group: alice-counts\na\t2147483647\t7\nswh.journal.objects.origin\t2\t9223372036854775807\n\
             swh.journal.objects.origin\t10\t0\n"
        );
        assert_eq!(OffsetFile::parse(text.as_bytes()), Ok(file));
    }

    #[test]
    fn white_space_comments_and_line_ends_are_read_as_upstream_reads_them() {
        let text = "  # a comment\r\n\r\n#consumer_group:  g \n t\t1   5 \r\n\n   t 0\t4";
        let file = OffsetFile::parse(text.as_bytes()).unwrap();
        assert_eq!(file.group_id.as_deref(), Some("g"));
        assert_eq!(
            file.offsets,
            [(partition("t", 0), 4), (partition("t", 1), 5)].into()
        );
    }

    #[test]
    fn name_of_a_group_forges_no_line() {
        let file = OffsetFile {
            group_id: Some("g\nt\t0\t9".to_owned()),
            offsets: [(partition("t", 1), 5)].into(),
        };
        let read = OffsetFile::parse(file.to_string().as_bytes()).unwrap();
        assert_eq!(read.offsets, file.offsets);
    }

    #[test]
    fn each_problem_names_its_line() {
        assert_eq!(
            problem("# c\nt\t0\n"),
            "has 2 fields instead of 3 in line 2"
        );
        assert_eq!(problem("t 0 1 note"), "has 4 fields instead of 3 in line 1");
        assert_eq!(
            problem("a/b 0 1"),
            "names a topic `a/b` in line 1, which Kafka does not allow"
        );
        assert_eq!(
            problem("t 0 1\n\nt 1 -1"),
            "has the offset `-1` in line 3, which is not a number from 0 to 9223372036854775807"
        );
        assert_eq!(
            problem("t 2147483648 1"),
            "has the partition `2147483648` in line 1, which is not a number from 0 to 2147483647"
        );
        assert!(problem("t 0 9223372036854775808").contains("offset"));
        assert!(problem("t one 1").contains("`one`"));
        assert_eq!(
            OffsetFile::parse(b"t 0 1\n\xff"),
            Err(Problem::NotText { line: 2 })
        );
    }

    #[test]
    fn partition_that_is_named_twice_is_refused_even_with_the_same_offset() {
        assert_eq!(
            problem("t 0 1\n# c\nt 1 1\nt 0 1"),
            "names `t` partition 0 in line 1 and again in line 4"
        );
    }

    #[test]
    fn file_without_offsets_or_beyond_the_limit_is_refused() {
        assert_eq!(problem(""), "has no offsets");
        assert_eq!(problem("# consumer_group: g\n\n"), "has no offsets");
        let large = vec![b'\n'; MOST_BYTES + 1];
        assert_eq!(OffsetFile::parse(&large), Err(Problem::TooLarge));
        let line = |number| format!("t\t{number}\t0\n");
        let many: String = (0..=MOST_OFFSETS).map(line).collect();
        assert_eq!(OffsetFile::parse(many.as_bytes()), Err(Problem::TooMany));
    }

    #[test]
    fn file_is_read_no_further_than_to_its_limit() {
        let error = OffsetFile::read(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the offset file `/dev/zero` has more than 16777216 bytes"
        );
        let missing = OffsetFile::read(Path::new("missing.tsv")).unwrap_err();
        assert!(missing.to_string().contains("`missing.tsv`"));
    }
}
