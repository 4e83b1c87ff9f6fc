//! Which checkpoints go when there are more of them than `save_total_limit` allows.

use super::Checkpoints;
use crate::diagnostic::{Error, Result};
use crate::storage::commit::remove_directory;

impl Checkpoints<'_> {
    /// Removes the checkpoints beyond `limit` (`save_total_limit`), the oldest first, after the one of step `saved` was saved. That one stays,
    /// and so does the best one. Returns the steps of those that were removed.
    ///
    /// # Errors
    /// The system refuses.
    ///
    /// # Source
    /// transformers 5.23.0, `trainer_utils.py` (`rotate_checkpoints`); 4.57.6, `trainer.py` (`_rotate_checkpoints`), keeps the same ones.
    /// Both order checkpoints by the time of their directories' last change, and by their steps only where these times are one; here
    /// those of later steps than `saved` count as the oldest, because they are of a run that was given up.
    pub fn rotate(&self, saved: u64, limit: Option<usize>, best: Option<u64>) -> Result<Vec<u64>> {
        self.remove(superfluous(&self.steps()?, saved, limit, best))
    }

    /// Removes all checkpoints but the best one where `limit` is 1, as `Trainer` does at the end of a training.
    ///
    /// # Errors
    /// The system refuses.
    ///
    /// # Source
    /// transformers 4.57.6 and 5.23.0, `trainer.py` (`_inner_training_loop`, `_finalize_training`).
    pub fn keep_best(&self, limit: Option<usize>, best: Option<u64>) -> Result<Vec<u64>> {
        let steps = self.steps()?;
        match best.filter(|best| limit == Some(1) && steps.contains(best)) {
            Some(best) => self.remove(steps.into_iter().filter(|step| *step != best).collect()),
            None => Ok(Vec::new()),
        }
    }

    /// Removes checkpoints with their records, and returns their steps.
    ///
    /// # Errors
    /// The system refuses.
    pub fn remove(&self, steps: Vec<u64>) -> Result<Vec<u64>> {
        for step in &steps {
            remove_directory(self.system, &self.path(*step))?;
            let record = self.record_path(*step);
            self.system.remove(&record).map_err(|error| Error::io(record.as_str(), "remove", &error))?;
        }
        Ok(steps)
    }
}

fn superfluous(steps: &[u64], saved: u64, limit: Option<usize>, best: Option<u64>) -> Vec<u64> {
    let Some(limit) = limit.filter(|limit| *limit > 0 && steps.contains(&saved)) else { return Vec::new() };
    let protected = 1_usize.saturating_add(usize::from(best.is_some_and(|best| best != saved)));
    let beyond = steps.len().saturating_sub(limit.max(protected));
    let (earlier, later) = steps.split_at(steps.partition_point(|step| *step <= saved));
    let oldest_first = later.iter().chain(earlier).copied();
    oldest_first.filter(|step| *step != saved && Some(*step) != best).take(beyond).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(steps: &[u64], saved: u64, limit: usize, best: Option<u64>) -> Vec<u64> {
        let gone = superfluous(steps, saved, Some(limit), best);
        steps.iter().copied().filter(|step| !gone.contains(step)).collect()
    }

    /// The cases of transformers' `test_checkpoint_rotation`.
    #[test]
    fn the_last_and_the_best_stay() {
        let steps = [5, 10, 15, 20, 25];
        assert_eq!(kept(&steps, 25, 2, None), [20, 25]);
        assert_eq!(kept(&steps, 25, 2, Some(5)), [5, 25]);
        assert_eq!(kept(&steps, 25, 1, Some(25)), [25]);
        assert_eq!(kept(&steps, 25, 1, Some(5)), [5, 25]);
        assert_eq!(kept(&steps, 25, 9, Some(5)), steps);
        assert_eq!(kept(&steps, 25, 0, None), steps);
    }

    #[test]
    fn a_run_that_was_given_up_goes_first() {
        assert_eq!(kept(&[5, 10, 15, 20, 25], 10, 2, None), [5, 10]);
        assert_eq!(kept(&[5, 10, 15, 20, 25], 10, 1, None), [10]);
        assert_eq!(kept(&[5, 10, 15, 20, 25], 10, 2, Some(25)), [10, 25]);
    }

    #[test]
    fn nothing_goes_before_the_new_one_is_there() {
        assert_eq!(kept(&[5, 10, 15], 20, 1, None), [5, 10, 15]);
    }
}
