//! Removes addresses, the persons of trailers and signatures from messages. Messages are bytes, in whatever encoding.

/// What stands for something that was removed.
const REMOVED: &[u8] = b"(removed)";

/// The message without addresses (`name@host`), and without the values of trailers that name a person: `Signed-off-by: A
/// B`, and any trailer that ends in an address.
pub(super) fn scrub(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len());
    let mut is_signature = false;
    for line in message.split_inclusive(|&byte| byte == b'\n') {
        let end = line.len() - usize::from(line.ends_with(b"\n"));
        let (line, end) = line.split_at(end);
        if is_signature {
            is_signature = !is_edge_of_signature(line, b"-----END ");
            continue;
        }
        if is_edge_of_signature(line, b"-----BEGIN ") {
            is_signature = true;
            out.extend_from_slice(REMOVED);
            out.extend_from_slice(end);
            continue;
        }
        match person_trailer(line) {
            Some(key) => {
                out.extend_from_slice(key);
                out.push(b' ');
                out.extend_from_slice(REMOVED);
            }
            None => without_addresses(line, &mut out),
        }
        out.extend_from_slice(end);
    }
    out
}

/// Whether a line begins or ends a signature, which may name who signed: of PGP, SSH or X.509.
fn is_edge_of_signature(line: &[u8], edge: &[u8]) -> bool {
    let kind = line.strip_prefix(edge);
    let kind = kind.and_then(|rest| rest.trim_ascii_end().strip_suffix(b"-----"));
    matches!(
        kind,
        Some(b"PGP SIGNATURE" | b"PGP MESSAGE" | b"SSH SIGNATURE" | b"SIGNED MESSAGE")
    )
}

/// The key of a trailer with its colon, if its value is a person.
fn person_trailer(line: &[u8]) -> Option<&[u8]> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let (key, value) = line.split_at(colon + 1);
    let word = key[..colon].trim_ascii();
    let is_key = !word.is_empty()
        && word
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    let value = value.trim_ascii();
    let by = word.len().checked_sub(3).and_then(|at| word.get(at..));
    let is_by = by.is_some_and(|by| by.eq_ignore_ascii_case(b"-by"));
    let ends_in_address = value.ends_with(b">") && value.contains(&b'@');
    (is_key && !value.is_empty() && (is_by || ends_in_address)).then_some(key)
}

fn without_addresses(line: &[u8], out: &mut Vec<u8>) {
    let mut copied = 0;
    let mut from = 0;
    while let Some(found) = line[from..].iter().position(|&byte| byte == b'@') {
        let at = from + found;
        let begin = line[copied..at]
            .iter()
            .rposition(|&byte| !is_local(byte))
            .map_or(copied, |index| copied + index + 1);
        let rest = &line[at + 1..];
        let length = rest.iter().position(|&byte| !is_host(byte));
        let end = at + 1 + length.unwrap_or(rest.len());
        if begin < at && end > at + 1 {
            out.extend_from_slice(&line[copied..begin]);
            out.extend_from_slice(REMOVED);
            copied = end;
        }
        from = end.max(at + 1);
    }
    out.extend_from_slice(&line[copied..]);
}

/// Bytes before the `@`; those beyond ASCII belong to letters.
fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-\"".contains(&byte) || !byte.is_ascii()
}

fn is_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_[:".contains(&byte) || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_persons_of_trailers_are_removed() {
        for (message, expected) in [
            ("Fix it", "Fix it"),
            (
                "Fix\n\nSigned-off-by: A B <a@b.c>\n",
                "Fix\n\nSigned-off-by: (removed)\n",
            ),
            ("Reviewed-By: A B", "Reviewed-By: (removed)"),
            ("Cc: A B <a@b.c>\r\nx", "Cc: (removed)\nx"),
            (
                "from A <a@b.c> and d+e@f",
                "from A <(removed)> and (removed)",
            ),
            ("(see root@localhost)", "(see (removed))"),
            ("Fixes: #12", "Fixes: #12"),
            ("thanks @user and a@ b", "thanks @user and a@ b"),
            ("é@ü.de@x", "(removed)@x"),
            ("net: a@b.service fails", "net: (removed) fails"),
            ("a@@b", "a@@b"),
            ("Co-authored-by:", "Co-authored-by:"),
            (
                "v1\n-----BEGIN PGP SIGNATURE-----\n\niQ=\n-----END PGP SIGNATURE-----\n",
                "v1\n(removed)\n",
            ),
            ("-----BEGIN SSH SIGNATURE-----\nU1NI\n", "(removed)\n"),
            (
                "-----BEGIN CERTIFICATE-----\nx",
                "-----BEGIN CERTIFICATE-----\nx",
            ),
        ] {
            let scrubbed = scrub(message.as_bytes());
            assert_eq!(String::from_utf8_lossy(&scrubbed), expected, "{message}");
        }
    }
}
