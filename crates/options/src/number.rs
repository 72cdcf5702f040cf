//! Compares JSON numbers exactly, whatever their form.

use std::cmp::Ordering;

use serde_json::Number;

/// Greater than every integer that JSON is read into, and less than the maximum of an `i128`.
const LARGE: f64 = 1e30;

/// A number in normal form: whole floats are integers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Exact {
    Integer(i128),
    Float(f64),
}

impl From<&Number> for Exact {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a whole float below the bound fits"
    )]
    fn from(number: &Number) -> Self {
        if let Some(integer) = number.as_i128() {
            return Self::Integer(integer);
        }
        let float = number.as_f64().unwrap_or(f64::NAN);
        if float.fract() == 0.0 && float.abs() < LARGE {
            Self::Integer(float as i128)
        } else {
            Self::Float(float)
        }
    }
}

impl Exact {
    pub(crate) fn is_whole(self) -> bool {
        match self {
            Self::Integer(_) => true,
            Self::Float(float) => float.fract() == 0.0,
        }
    }

    fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Integer(one), Self::Integer(other)) => one.cmp(&other),
            (Self::Float(one), Self::Float(other)) => one.total_cmp(&other),
            (Self::Integer(one), Self::Float(other)) => compare_with_float(one, other),
            (Self::Float(one), Self::Integer(other)) => compare_with_float(other, one).reverse(),
        }
    }
}

/// Compares an integer with a float that is large or has a fraction.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float below the bound fits"
)]
fn compare_with_float(integer: i128, float: f64) -> Ordering {
    if float >= LARGE {
        Ordering::Less
    } else if float <= -LARGE {
        Ordering::Greater
    } else {
        let floor = float.floor() as i128;
        // The float is greater than its floor.
        integer.cmp(&floor).then(Ordering::Less)
    }
}

/// The bounds of a number.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Range {
    pub(crate) minimum: Option<Number>,
    pub(crate) maximum: Option<Number>,
    pub(crate) above: Option<Number>,
    pub(crate) below: Option<Number>,
}

impl Range {
    /// The rule that the number breaks, as the rest of a sentence about it.
    pub(crate) fn broken_by(&self, number: Exact) -> Option<String> {
        let beyond = |bound: &Option<Number>, outside: &[Ordering], rule: &str| {
            let bound = bound.as_ref()?;
            let order = number.compare(bound.into());
            outside
                .contains(&order)
                .then(|| format!("is {rule} of {bound}"))
        };
        let (less, equal, greater) = (Ordering::Less, Ordering::Equal, Ordering::Greater);
        beyond(&self.minimum, &[less], "less than the minimum")
            .or_else(|| beyond(&self.maximum, &[greater], "greater than the maximum"))
            .or_else(|| {
                let rule = "less than or equal to the exclusive minimum";
                beyond(&self.above, &[less, equal], rule)
            })
            .or_else(|| {
                let rule = "greater than or equal to the exclusive maximum";
                beyond(&self.below, &[greater, equal], rule)
            })
    }
}
