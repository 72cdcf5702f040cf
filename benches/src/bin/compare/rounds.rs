//! Runs all subjects in every round, so that disturbances of the machine affect all of them.

use crate::answer::{self, Answer};
use crate::journal::{Loaded, Which, Work};
use crate::subject::{Measured, Subject};

/// A subject, and the number of rounds in which it runs.
pub(crate) struct Participant {
    pub(crate) subject: Subject,
    pub(crate) rounds: usize,
}

/// The measurements of all subjects in all rounds except the first, which warms the caches.
pub(crate) struct Rounds {
    participants: Vec<(Participant, Vec<Measured>)>,
}

/// The expected answers.
struct Expected {
    counts: Answer,
    /// For one repetition. The first subject's answer is the one expected from the others.
    fields: Option<Answer>,
    /// Likewise.
    months: Option<Answer>,
    rows: Option<Answer>,
}

impl Rounds {
    /// Runs all subjects in each round. Each round starts with the next subject.
    pub(crate) fn run(loaded: &Loaded, participants: Vec<Participant>) -> Self {
        let mut expected = Expected {
            counts: loaded.counts(),
            fields: None,
            months: None,
            rows: None,
        };
        let mut participants: Vec<_> = participants
            .into_iter()
            .map(|participant| (participant, Vec::new()))
            .collect();
        let rounds = participants
            .iter()
            .map(|(participant, _)| participant.rounds);
        let last = rounds.max().unwrap_or(0);
        for round in 0..=last {
            eprintln!("round {round} of {last}");
            let count = participants.len();
            for index in 0..count {
                let (participant, measured) = &mut participants[(index + round) % count];
                if round > participant.rounds {
                    continue;
                }
                let (took, answer) = participant.subject.run(loaded, round);
                expected.check(&participant.subject, loaded, &answer);
                if round > 0 {
                    measured.push(took);
                }
            }
        }
        Self { participants }
    }

    /// One number of a subject for each of its rounds.
    pub(crate) fn of(&self, name: &str, number: impl Fn(&Measured) -> f64) -> Vec<f64> {
        let found = self
            .participants
            .iter()
            .find(|(participant, _)| participant.subject.name == name);
        let (_, measured) = found.unwrap_or_else(|| panic!("`{name}` takes part"));
        measured.iter().map(number).collect()
    }

    /// The number of one subject divided by that of another, for each round in which both ran.
    pub(crate) fn ratio(
        &self,
        one: &str,
        other: &str,
        number: impl Fn(&Measured) -> f64,
    ) -> Vec<f64> {
        ratios(&self.of(one, &number), &self.of(other, &number))
    }
}

/// The numbers of one subject divided by those of another, round by round.
pub(crate) fn ratios(one: &[f64], other: &[f64]) -> Vec<f64> {
    let pairs = one.iter().zip(other);
    pairs.map(|(one, other)| one / other).collect()
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
            Work::Fields | Work::Months => {
                let once = match subject.work {
                    Work::Fields => &mut self.fields,
                    _ => &mut self.months,
                };
                let once = once.get_or_insert_with(|| {
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
