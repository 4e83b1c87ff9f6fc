//! Ctrl-C and the signal by which schedulers end a run: the first one lets the step be finished and saved, the second one quits at once.

use rtrain::diagnostic::{Error, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A signal that asks a run to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// What `kill`, containers and schedulers send.
    Terminate,
}

impl Signal {
    const ALL: [Signal; 2] = [Signal::Interrupt, Signal::Terminate];

    fn number(self) -> i32 {
        match self {
            Signal::Interrupt => SIGINT,
            Signal::Terminate => SIGTERM,
        }
    }

    /// The exit code of a program that the signal has ended, as shells report it.
    pub fn exit_code(self) -> u8 {
        128 + u8::try_from(self.number()).unwrap_or(0)
    }
}

/// Whether the run was asked to end.
#[derive(Debug)]
pub struct Interruption {
    received: Arc<AtomicUsize>,
    /// Whether the next signal ends the program.
    is_last: Arc<AtomicBool>,
}

impl Interruption {
    /// Takes over the signals until the program ends; `tell` is given at once, on a thread of its own, what the first one leads to.
    ///
    /// # Errors
    /// The system refuses.
    pub fn install(tell: impl FnOnce(&str) + Send + 'static) -> Result<Self> {
        let (received, is_last) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let register = || -> io::Result<()> {
            for signal in Signal::ALL {
                let number = signal.number();
                // Handlers run in this order, so the first signal finds the flag unset and the second one set.
                flag::register_conditional_shutdown(number, signal.exit_code().into(), Arc::clone(&is_last))?;
                flag::register(number, Arc::clone(&is_last))?;
                flag::register_usize(number, Arc::clone(&received), usize::try_from(number).unwrap_or(0))?;
            }
            announce(tell)
        };
        register().map_err(|error| Error::io("", "take over the signals", &error))?;
        Ok(Interruption { received, is_last })
    }

    /// Lets the next signal end the program at once: there is no step to be finished any more.
    pub fn no_longer_waits(&self) {
        self.is_last.store(true, Ordering::SeqCst);
    }

    /// The signal that asks the run to end, if there was one.
    pub fn requested(&self) -> Option<Signal> {
        let number = self.received.load(Ordering::SeqCst);
        Signal::ALL.into_iter().find(|signal| usize::try_from(signal.number()) == Ok(number))
    }
}

/// Says at once that the signal has arrived: the step may take a while.
#[cfg(unix)]
fn announce(tell: impl FnOnce(&str) + Send + 'static) -> io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new(Signal::ALL.map(Signal::number))?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if signals.forever().next().is_some() {
            tell("finishing this step, then saving; press Ctrl-C again to quit at once");
        }
    })?;
    Ok(())
}

#[cfg(not(unix))]
fn announce(_tell: impl FnOnce(&str)) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use signal_hook::low_level::raise;
    use std::process::Command;
    use std::time::Duration;

    const SIGNALS: &str = "RTRAIN_TEST_SIGNALS";

    /// Not a test by itself: a process that is sent the signals named in the environment.
    #[test]
    fn receiver() {
        let Ok(signals) = std::env::var(SIGNALS) else { return };
        let interruption = Interruption::install(|told| eprintln!("{told}")).unwrap();
        assert_eq!(interruption.requested(), None);
        for signal in signals.split(' ') {
            let signal = Signal::ALL[signal.parse::<usize>().unwrap()];
            raise(signal.number()).unwrap();
            assert_eq!(interruption.requested(), Some(signal));
            std::thread::sleep(Duration::from_millis(200));
        }
        std::process::exit(7);
    }

    #[test]
    fn the_first_signal_is_told_and_the_second_one_quits() {
        for (signals, code) in [("0", 7), ("1", 7), ("0 0", 130), ("1 1", 143), ("0 1", 143), ("1 0", 130)] {
            let mut command = Command::new(std::env::current_exe().unwrap());
            let output = command.args(["--exact", "interruption::tests::receiver", "--nocapture"]).env(SIGNALS, signals).output().unwrap();
            let told = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(code), "{signals}: {told}");
            assert_eq!(told, "finishing this step, then saving; press Ctrl-C again to quit at once\n", "{signals}");
        }
    }

    #[test]
    fn exit_codes_are_those_of_shells() {
        assert_eq!(Signal::ALL.map(Signal::exit_code), [130, 143]);
    }
}
