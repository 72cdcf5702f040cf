//! Authors and committers.

use serde::Serialize;

use crate::Bytes;

/// The length of an anonymised full name, which is a SHA-256.
const ANONYMISED_BYTES: usize = 32;

/// The author or committer of a revision or a release. In a row it is a map of its fields.
///
/// ```
/// use journal_plugin_sdk::Person;
///
/// let person = Person::from_fullname(b"Jane Doe <jane@example.org>");
/// assert_eq!(person.name.unwrap().text(), "Jane Doe");
/// assert_eq!(person.email.unwrap().text(), "jane@example.org");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Person<'a> {
    /// The name and email address as they were written. Only this part is included in the object's identifier.
    pub fullname: Bytes<'a>,
    /// The name in the full name, if there is one.
    pub name: Option<Bytes<'a>>,
    /// The email address in the full name, if there is one.
    pub email: Option<Bytes<'a>>,
}

impl<'a> Person<'a> {
    /// Parses a full name in the form `name <email>`.
    ///
    /// The name ends before the first `<` and is trimmed; the address ends before the last `>`. Without a `<`, the name is
    /// the whole text, untrimmed. An empty name or address is `None`.
    ///
    /// ```
    /// use journal_plugin_sdk::Person;
    ///
    /// let person = Person::from_fullname(b"<jane@example.org>");
    /// assert_eq!(person.name, None);
    /// assert_eq!(person.email.unwrap().text(), "jane@example.org");
    /// ```
    #[must_use]
    pub fn from_fullname<F: AsRef<[u8]> + ?Sized>(fullname: &'a F) -> Self {
        let fullname = fullname.as_ref();
        let position = |wanted| fullname.iter().position(|byte| *byte == wanted);
        let (name, email) = match position(b'<') {
            None => (fullname, &[][..]),
            Some(open) => {
                let email = &fullname[open + 1..];
                let close = email.iter().rposition(|byte| *byte == b'>');
                (
                    trim(&fullname[..open]),
                    &email[..close.unwrap_or(email.len())],
                )
            }
        };
        let unless_empty = |part: &'a [u8]| (!part.is_empty()).then(|| part.into());
        Self {
            fullname: fullname.into(),
            name: unless_empty(name),
            email: unless_empty(email),
        }
    }

    /// Builds the full name from a name and an email address, for old records without a full name.
    ///
    /// The full name is `name <email>`, or only one of the two. The name and the address are kept even if they are empty.
    ///
    /// ```
    /// use journal_plugin_sdk::{Bytes, Person};
    ///
    /// let person = Person::from_name_and_email(Some(Bytes::from(b"Jane")), Some(Bytes::from(b"j@x.org")));
    /// assert_eq!(person.fullname.text(), "Jane <j@x.org>");
    /// ```
    #[must_use]
    pub fn from_name_and_email(name: Option<Bytes<'a>>, email: Option<Bytes<'a>>) -> Self {
        let bracketed = email.as_ref().map(|email| [b"<", &**email, b">"].concat());
        let fullname = match (&name, bracketed) {
            (Some(name), Some(email)) => Bytes::from([name, &b" "[..], &email].concat()),
            (Some(name), None) => name.clone(),
            (None, email) => email.unwrap_or_default().into(),
        };
        Self {
            fullname,
            name,
            email,
        }
    }

    /// The same person, owned.
    ///
    /// ```
    /// use journal_plugin_sdk::Person;
    ///
    /// let fullname = "Jane Doe".to_owned();
    /// let person: Person<'static> = Person::from_fullname(&fullname).into_owned();
    /// assert_eq!(person.fullname.text(), fullname);
    /// ```
    #[must_use]
    pub fn into_owned(self) -> Person<'static> {
        Person {
            fullname: self.fullname.into_owned(),
            name: self.name.map(Bytes::into_owned),
            email: self.email.map(Bytes::into_owned),
        }
    }

    /// Whether the person looks anonymised, as in all public topics: the full name has 32 bytes, and there is neither a name
    /// nor an address.
    ///
    /// The identifier of an object with an anonymised person cannot be verified.
    ///
    /// ```
    /// use journal_plugin_sdk::Person;
    ///
    /// let person = Person::from_fullname(b"Jane Doe <jane@example.org>");
    /// assert!(!person.is_anonymised());
    /// assert!(person.anonymised().is_anonymised());
    /// ```
    #[must_use]
    pub fn is_anonymised(&self) -> bool {
        self.name.is_none() && self.email.is_none() && self.fullname.len() == ANONYMISED_BYTES
    }

    /// Whether this is the person with that full name, `name <email>`, byte for byte. An anonymised person is compared by
    /// the hash, so that the answer is the same in public topics and in privileged ones.
    ///
    /// ```
    /// use journal_plugin_sdk::Person;
    ///
    /// let jane = "Jane Doe <jane@example.org>";
    /// let person = Person::from_fullname(jane);
    /// assert!(person.is(jane) && person.anonymised().is(jane));
    /// assert!(!person.is("Jane Doe <jane@example.com>"));
    /// ```
    #[must_use]
    pub fn is<F: AsRef<[u8]> + ?Sized>(&self, fullname: &F) -> bool {
        let fullname = fullname.as_ref();
        *self.fullname == *fullname
            || (self.is_anonymised() && *self.fullname == crate::hash::sha256(fullname))
    }

    /// Anonymises the person as the archive does: the full name becomes its SHA-256.
    ///
    /// ```
    /// use journal_plugin_sdk::Person;
    ///
    /// let person = Person::from_fullname("Jane Doe <jane@example.org>").anonymised();
    /// assert_eq!(person.fullname.len(), 32);
    /// assert_eq!((person.name, person.email), (None, None));
    /// ```
    #[must_use]
    pub fn anonymised(&self) -> Person<'static> {
        Person {
            fullname: crate::hash::sha256(&self.fullname).to_vec().into(),
            name: None,
            email: None,
        }
    }
}

/// Trims spaces and the five control characters from tab to carriage return. `trim_ascii` does not trim vertical tabs.
fn trim(bytes: &[u8]) -> &[u8] {
    let is_ink = |byte: &u8| !matches!(byte, b' ' | b'\t'..=b'\r');
    let start = bytes.iter().position(is_ink).unwrap_or(bytes.len());
    let end = bytes
        .iter()
        .rposition(is_ink)
        .map_or(start, |last| last + 1);
    &bytes[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A full name with the name and the address in it.
    type Guess = (&'static [u8], Option<&'static [u8]>, Option<&'static [u8]>);

    /// The results of swh.model 8.4.1.
    const GUESSES: &[Guess] = &[
        (b"", None, None),
        (b"Jane", Some(b"Jane"), None),
        (b" Jane ", Some(b" Jane "), None),
        (b"jane@x.org", Some(b"jane@x.org"), None),
        (b"Jane <j@x>", Some(b"Jane"), Some(b"j@x")),
        (b"Jane<j@x>", Some(b"Jane"), Some(b"j@x")),
        (
            b" \t\n\x0b\x0c\rJane \x0b<j@x>",
            Some(b"Jane"),
            Some(b"j@x"),
        ),
        (b"\x1cJane\xa0 <j@x>", Some(b"\x1cJane\xa0"), Some(b"j@x")),
        (b"J\xe9r\xf4me <j@x>", Some(b"J\xe9r\xf4me"), Some(b"j@x")),
        (b"Jane < j@x >", Some(b"Jane"), Some(b" j@x ")),
        (b"Jane <j@x", Some(b"Jane"), Some(b"j@x")),
        (b"Jane <j@x> trailing", Some(b"Jane"), Some(b"j@x")),
        (b"Jane <<j@x>>", Some(b"Jane"), Some(b"<j@x>")),
        (b"A <b> C <d>", Some(b"A"), Some(b"b> C <d")),
        (b"a>b <c>", Some(b"a>b"), Some(b"c")),
        (b"> <", Some(b">"), None),
        (b"Jane <>", Some(b"Jane"), None),
        (b"   <j@x>", None, Some(b"j@x")),
        (b"<j@x>", None, Some(b"j@x")),
        (b"<>", None, None),
        (b"<", None, None),
        (b">", Some(b">"), None),
        (b"Jane <j@x>\n", Some(b"Jane"), Some(b"j@x")),
        (b"Jane\0 <\0>", Some(b"Jane\0"), Some(b"\0")),
    ];

    #[test]
    fn name_and_address_are_parsed_as_in_swh_model() {
        for (fullname, name, email) in GUESSES {
            let person = Person::from_fullname(*fullname);
            assert_eq!(&*person.fullname, *fullname);
            let case = fullname.escape_ascii().to_string();
            assert_eq!(person.name.as_deref(), *name, "{case}");
            assert_eq!(person.email.as_deref(), *email, "{case}");
        }
    }

    #[test]
    fn full_name_of_old_records_is_built_from_name_and_address() {
        let fullname = |name: Option<&'static [u8]>, email: Option<&'static [u8]>| {
            let person = Person::from_name_and_email(name.map(Bytes::from), email.map(Bytes::from));
            person.fullname.text().into_owned()
        };
        assert_eq!(fullname(Some(b"Jane"), Some(b"j@x")), "Jane <j@x>");
        assert_eq!(fullname(Some(b"Jane"), None), "Jane");
        assert_eq!(fullname(None, Some(b"j@x")), "<j@x>");
        assert_eq!(fullname(None, None), "");
        assert_eq!(fullname(Some(b""), Some(b"")), " <>");
        assert_eq!(fullname(Some(b""), None), "");
    }

    #[test]
    fn anonymised_person_is_only_the_hash_of_the_full_name() {
        let person = Person::from_fullname("Jane Doe <jane@example.org>");
        let anonymised = person.anonymised();
        assert_eq!(
            anonymised.fullname.to_string(),
            "9d52a40c29e42fd7ea717ee38f0e7bb7e2e01c7cb31c0ea6882cda8d4a9df81e"
        );
        assert!(anonymised.is_anonymised());
        assert!(!person.is_anonymised());
    }

    #[test]
    fn person_is_known_by_the_full_name_and_by_its_hash() {
        let bot = b"dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>";
        let person = Person::from_fullname(bot);
        assert!(person.is(bot) && person.anonymised().is(bot));
        assert!(!person.is("dependabot[bot]") && !person.anonymised().is("dependabot[bot]"));
        // The hash of a name is not that name.
        let hash = person.anonymised();
        assert!(!person.is(&*hash.fullname) && hash.is(&*hash.fullname));
        // A name of 32 bytes with a name in it is no hash.
        let named = Person {
            name: Some(b"x".into()),
            ..hash
        };
        assert!(!named.is(bot));
    }

    #[test]
    fn name_of_32_bytes_is_not_taken_for_an_anonymised_one() {
        assert!(!Person::from_fullname(&[b'x'; 32]).is_anonymised());
        let bare = |length| Person {
            fullname: vec![b'x'; length].into(),
            name: None,
            email: None,
        };
        assert!(bare(32).is_anonymised());
        assert!(!bare(31).is_anonymised());
        assert!(!bare(33).is_anonymised());
    }

    #[test]
    fn row_is_a_map_of_bytes() {
        let encoded = rmp_serde::to_vec_named(&Person::from_fullname(b"<e>")).unwrap();
        let expected = b"\x83\xa8fullname\xc4\x03<e>\xa4name\xc0\xa5email\xc4\x01e";
        assert_eq!(encoded, expected);
    }
}
