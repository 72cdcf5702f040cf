//! Reads persons.

use super::error::FieldError;
use super::field::Field;
use super::reader::Reader;
use crate::{Bytes, Person};

impl<'a> Field<'a> for Person<'a> {
    /// A map of fullname, name and email; in old records without a fullname, which is then made of the two.
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, FieldError> {
        let place = reader.place();
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
            Some(fullname) => Self {
                fullname,
                name,
                email,
            },
            None if is_named => Self::from_name_and_email(name, email),
            None => return Err(FieldError::missing(place).within("fullname")),
        })
    }
}
