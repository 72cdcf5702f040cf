//! Reads rows from msgpack maps, the form in which they cross from the plugin to the host.

use journal_msgpack::{Cursor, Head};

use crate::value::NoValue;
use crate::{Fault, Role, Row, Value};

impl Row {
    /// Fills the row from one msgpack map, and finishes it. The parts of the key are skipped, not checked.
    ///
    /// # Errors
    /// If it is not a map with exactly the fields of the shape, or if a column has an invalid value.
    pub fn read(&mut self, msgpack: &[u8]) -> Result<(), Fault> {
        self.begin();
        let mut cursor = Cursor::new(msgpack);
        let Head::Map(fields) = cursor.head()? else {
            return Err(Fault::NotAMap);
        };
        for _ in 0..fields {
            let Head::Str(length) = cursor.head()? else {
                return Err(Fault::NameNotText);
            };
            let name = std::str::from_utf8(cursor.bytes(length)?);
            match self.field(name.map_err(|_| Fault::NameNotText)?)? {
                Role::Key => self.key.extend_from_slice(cursor.value()?),
                Role::Column(column) => {
                    let value = self.read_value(column, &mut cursor)?;
                    self.set(column, value)?;
                }
            }
        }
        if !cursor.at_end() {
            return Err(Fault::Trailing);
        }
        self.finish()
    }

    /// Reads the value of a column from msgpack.
    ///
    /// # Errors
    /// If a column cannot have this value.
    pub fn read_value(
        &mut self,
        column: usize,
        cursor: &mut Cursor<'_>,
    ) -> Result<Value<crate::Span>, Fault> {
        let value = Value::read(cursor, &mut self.texts).map_err(|error| match error {
            NoValue::Msgpack(fault) => fault.into(),
            NoValue::Other(what) => self.bad_value(column, what),
        })?;
        match value {
            Value::Bool(value) => self.truth(column, value),
            other => Ok(other),
        }
    }
}
