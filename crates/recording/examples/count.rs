//! Counts the records of a recording by topic and prints the speed: `count FILE [ROUNDS]`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use journal_recording::Reader;

fn main() -> ExitCode {
    match count() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "its output")]
fn count() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let path = PathBuf::from(arguments.next().ok_or("usage: count FILE [ROUNDS]")?);
    let rounds: u32 = match arguments.next() {
        Some(rounds) => rounds.to_str().ok_or("ROUNDS is a number")?.parse()?,
        None => 1,
    };
    for round in 0..rounds {
        let begin = Instant::now();
        let mut reader = Reader::open(&path)?;
        let mut bytes = 0;
        while let Some(frame) = reader.next_frame()? {
            bytes += frame.value.map_or(0, <[u8]>::len);
        }
        let seconds = begin.elapsed().as_secs_f64();
        let records = u32::try_from(reader.records())?;
        println!(
            "{records} records, {bytes} bytes, {:.0} records/s",
            f64::from(records) / seconds
        );
        if round + 1 == rounds {
            for (topic, count) in Reader::open(&path)?.count()? {
                println!("{count} {topic}");
            }
        }
    }
    Ok(())
}
