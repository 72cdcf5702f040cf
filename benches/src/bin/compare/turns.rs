//! Subjects that take turns, so that what disturbs the machine disturbs them all.

use crate::answer::{self, Answer};
use crate::journal::{Loaded, Which, Work};
use crate::subject::{Measured, Subject};

/// A subject and how many rounds it takes part in.
pub(crate) struct Turn {
    pub(crate) subject: Subject,
    pub(crate) rounds: usize,
}

/// What the rounds of all subjects took, the first round left out: it warms the caches.
pub(crate) struct Rounds {
    turns: Vec<(Turn, Vec<Measured>)>,
}

/// What the answers have to be, as far as it is known.
struct Expected {
    counts: Answer,
    /// Of one repetition; whoever comes first says it.
    months: Option<Answer>,
    rows: Option<Answer>,
}

impl Rounds {
    /// Runs all, in another order in each round.
    pub(crate) fn take(loaded: &Loaded, turns: Vec<Turn>) -> Self {
        let mut expected = Expected {
            counts: loaded.counts(),
            months: None,
            rows: None,
        };
        let mut turns: Vec<_> = turns.into_iter().map(|turn| (turn, Vec::new())).collect();
        let most = turns.iter().map(|(turn, _)| turn.rounds).max().unwrap_or(0);
        for round in 0..=most {
            eprintln!("round {round} of {most}");
            let count = turns.len();
            for place in 0..count {
                let (turn, measured) = &mut turns[(place + round) % count];
                if round > turn.rounds {
                    continue;
                }
                let (took, answer) = turn.subject.run(loaded, round);
                expected.check(&turn.subject, loaded, &answer);
                if round > 0 {
                    measured.push(took);
                }
            }
        }
        Self { turns }
    }

    /// One number of each round of a subject.
    pub(crate) fn of(&self, name: &str, number: impl Fn(&Measured) -> f64) -> Vec<f64> {
        let found = self
            .turns
            .iter()
            .find(|(turn, _)| turn.subject.name == name);
        let (_, measured) = found.unwrap_or_else(|| panic!("`{name}` takes part"));
        measured.iter().map(number).collect()
    }

    /// The number of one subject divided by that of another, in each round that both took part in.
    pub(crate) fn ratio(
        &self,
        one: &str,
        other: &str,
        number: impl Fn(&Measured) -> f64,
    ) -> Vec<f64> {
        let (one, other) = (self.of(one, &number), self.of(other, &number));
        one.iter()
            .zip(&other)
            .map(|(one, other)| one / other)
            .collect()
    }
}

impl Expected {
    fn check(&mut self, subject: &Subject, loaded: &Loaded, answer: &Answer) {
        let name = &subject.name;
        let repetitions = u64::from(loaded.topics(subject.which).repetitions);
        match subject.work {
            Work::Counts => {
                let expected = answer::times(&self.counts, repetitions);
                assert_eq!(answer, &expected, "`{name}` counts each record once");
            }
            Work::Months => {
                let once = self.months.get_or_insert_with(|| {
                    let part =
                        |(name, number): (&String, &u64)| (name.clone(), number / repetitions);
                    answer.iter().map(part).collect()
                });
                let expected = answer::times(once, repetitions);
                assert_eq!(answer, &expected, "`{name}` answers as the others do");
            }
            Work::Rows => {
                assert_eq!(subject.which, Which::Large, "sums of lines have no part");
                let expected = self.rows.get_or_insert_with(|| answer.clone());
                assert_eq!(answer, expected, "`{name}` writes the rows of the others");
            }
        }
    }
}
