//! Reads persons.

use super::error::FieldError;
use super::field::Field;
use super::reader::Reader;
use crate::{Bytes, Person};

impl<'a> Field<'a> for Person<'a> {
    /// A map of fullname, name and email. Old records have no fullname, which is then built from the other two.
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, FieldError> {
        let start = *reader;
        if let Some(person) = read_usual_person(reader) {
            return Ok(person);
        }
        *reader = start;
        read_any_person(reader)
    }
}

/// A person in the usual encoding of the journal's writer.
#[inline]
fn read_usual_person<'a>(reader: &mut Reader<'a>) -> Option<Person<'a>> {
    if !reader.pass(b"\x83\xa8fullname") {
        return None;
    }
    let fullname = reader.short_bytes()?;
    // All persons in public topics have this form. Persons with only one of the two are rare.
    let (name, email) = if reader.pass(b"\xa4name\xc0\xa5email\xc0") {
        (None, None)
    } else {
        let name = reader.pass(b"\xa4name").then(|| reader.short_bytes())??;
        let email = reader.pass(b"\xa5email").then(|| reader.short_bytes())??;
        (Some(name.into()), Some(email.into()))
    };
    Some(Person {
        fullname: fullname.into(),
        name,
        email,
    })
}

fn read_any_person<'a>(reader: &mut Reader<'a>) -> Result<Person<'a>, FieldError> {
    let offset = reader.offset();
    let (mut fullname, mut name, mut email) = (None, None, None);
    let mut is_named = false;
    for _ in 0..reader.map()? {
        match reader.key_of([b"\xa8fullname", b"\xa4name", b"\xa5email"])? {
            Some(0) => {
                let bytes = Bytes::read(reader).map_err(|error| error.within("fullname"))?;
                fullname = Some(bytes);
            }
            Some(1) => {
                is_named = true;
                name = Field::read(reader).map_err(|error| error.within("name"))?;
            }
            Some(_) => {
                is_named = true;
                email = Field::read(reader).map_err(|error| error.within("email"))?;
            }
            None => reader.skip()?,
        }
    }
    Ok(match fullname {
        Some(fullname) => Person {
            fullname,
            name,
            email,
        },
        None if is_named => Person::from_name_and_email(name, email),
        None => return Err(FieldError::missing(offset).within("fullname")),
    })
}
