//! What the other members of a group are subscribed to, as the coordinator shows it.

use std::collections::BTreeSet;

/// The topics in the metadata of a member: the version, and an array of texts. Further members of later versions are not
/// read. Any client may have written it, so what cannot be read is left out.
pub(super) fn topics(metadata: &[u8]) -> BTreeSet<String> {
    let mut rest = metadata;
    let mut topics = BTreeSet::new();
    let (Some(_version), Some(count)) = (take(&mut rest, 2), take(&mut rest, 4)) else {
        return topics;
    };
    for _ in 0..number(count) {
        let Some(topic) = take(&mut rest, 2).and_then(|length| take(&mut rest, number(length)))
        else {
            break;
        };
        topics.insert(String::from_utf8_lossy(topic).into_owned());
    }
    topics
}

fn take<'a>(rest: &mut &'a [u8], bytes: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(bytes)?;
    *rest = left;
    Some(taken)
}

/// A number in network order. One that is negative becomes too large for any metadata.
fn number(bytes: &[u8]) -> usize {
    let add = |number: usize, &byte: &u8| (number << 8) | usize::from(byte);
    bytes.iter().fold(0, add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read_as_far_as_they_are_whole() {
        let whole = b"\0\x01\0\0\0\x02\0\x01a\0\x03b.c\0\0\0\0rest";
        let both = ["a", "b.c"].map(str::to_owned);
        assert_eq!(topics(whole), BTreeSet::from(both.clone()));
        assert_eq!(topics(&whole[..12]), BTreeSet::from([both[0].clone()]));
        assert_eq!(topics(b""), BTreeSet::new());
        assert_eq!(topics(b"\0\0\xff\xff\xff\xff\xff\xff"), BTreeSet::new());
    }
}
