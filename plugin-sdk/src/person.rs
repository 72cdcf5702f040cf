//! Authors and committers.

use serde::Serialize;

use crate::Bytes;

/// How many bytes of a full name are left by the archive's anonymisation: those of a SHA-256.
const ANONYMISED_BYTES: usize = 32;

/// Who made a revision or a release. As a row it is a map of its fields.
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
    /// Name and e-mail address as they were written, the part that counts for the object's identifier.
    pub fullname: Bytes<'a>,
    /// The name in it, if there is one.
    pub name: Option<Bytes<'a>>,
    /// The e-mail address in it, if there is one.
    pub email: Option<Bytes<'a>>,
}

impl<'a> Person<'a> {
    /// Guesses name and e-mail address from a full name in the form `name <email>`.
    ///
    /// The name ends at the first `<` and has no blanks at its ends; the address ends at the last `>`.
    /// Without any `<` the whole is the name, blanks included. What is empty is absent.
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

    /// Makes the full name of a name and an e-mail address, which is all that old messages have.
    ///
    /// It is `name <email>`, or what there is of it. Name and address stay as they are, also when empty.
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

    /// Whether the person looks like one that the archive has anonymised, as in all public topics: 32 bytes of
    /// full name, and neither a name nor an address.
    ///
    /// The identifier of an object with an anonymised person cannot be computed again.
    ///
    /// ```
    /// use journal_plugin_sdk::Person;
    ///
    /// let person = Person::from_fullname(b"Jane Doe <jane@example.org>");
    /// assert!(!person.is_anonymised());
    /// # #[cfg(not(target_family = "wasm"))]
    /// assert!(person.anonymised().is_anonymised());
    /// ```
    #[must_use]
    pub fn is_anonymised(&self) -> bool {
        self.name.is_none() && self.email.is_none() && self.fullname.len() == ANONYMISED_BYTES
    }

    /// The person as the archive anonymises them: the full name is the SHA-256 of what it was. For tests.
    ///
    /// ```
    /// use journal_plugin_sdk::Person;
    ///
    /// let person = Person::from_fullname("Jane Doe <jane@example.org>").anonymised();
    /// assert_eq!(person.fullname.len(), 32);
    /// assert_eq!((person.name, person.email), (None, None));
    /// ```
    #[cfg(not(target_family = "wasm"))]
    #[must_use]
    pub fn anonymised(&self) -> Person<'static> {
        Person {
            fullname: crate::hash::sha256(&self.fullname).to_vec().into(),
            name: None,
            email: None,
        }
    }
}

/// Without the blanks at its ends: a space and the five control characters from tab to carriage return. The
/// standard library's notion of ASCII blanks lacks the vertical tab.
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

    /// What swh.model 8.4.1 makes of these.
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
    fn name_and_address_are_guessed_as_upstream_does() {
        for (fullname, name, email) in GUESSES {
            let person = Person::from_fullname(*fullname);
            assert_eq!(&*person.fullname, *fullname);
            let case = fullname.escape_ascii().to_string();
            assert_eq!(person.name.as_deref(), *name, "{case}");
            assert_eq!(person.email.as_deref(), *email, "{case}");
        }
    }

    #[test]
    fn old_messages_have_a_full_name_made_of_what_there_is() {
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
    fn anonymised_person_is_the_hash_of_the_full_name_alone() {
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
