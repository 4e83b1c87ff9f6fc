//! What a store needs of a session so that it can go on after the tab was closed.

use super::{Answer, Session};
use crate::durable::Sink;
use crate::requests::Request;
use rtrain::diagnostic::Result;
use rtrain::storage::MemoryDirectory;
use serde_json::Value;

impl Session {
    /// Names of the files of the loaded model.
    pub fn model_files(&self) -> Vec<String> {
        self.model.iter().flat_map(|model| model.files.keys().cloned()).collect()
    }

    /// The bytes of a file of the loaded model.
    pub fn model_file(&self, name: &str) -> Option<Vec<u8>> {
        self.model.as_ref()?.files.get(name).cloned()
    }

    /// The arguments that were set, as JSON.
    pub fn arguments(&self) -> String {
        Value::Object(self.arguments.clone()).to_string()
    }

    /// The steps of the checkpoints that the training has saved and not removed.
    ///
    /// # Errors
    /// As [`crate::training::Training::checkpoints`].
    pub fn checkpoints(&self) -> Result<Vec<u32>> {
        let steps = self.training.as_ref().map_or(Ok(Vec::new()), |training| training.checkpoints())?;
        Ok(steps.into_iter().filter_map(|step| step.try_into().ok()).collect())
    }

    /// Hands a checkpoint to a sink; what it consists of.
    pub fn pack_checkpoint(&self, step: u64, sink: Sink) -> Option<Value> {
        self.training.as_ref().map(|training| training.pack_checkpoint(step, sink))
    }

    /// Hands the step that was just done to a sink as a checkpoint; the answer is null where the training has saved it itself.
    pub fn pack_recovery(&self, sink: Sink) -> Answer {
        match self.training() {
            Some(training) => training.desk.ask(Request::Recover(sink)),
            None => Box::pin(std::future::ready(Ok(Value::Null))),
        }
    }

    /// Hands over a file of a checkpoint, from the newest of which the next training goes on; the checksum of all so far.
    pub fn add_kept(&mut self, name: String, bytes: Vec<u8>, crc32: u32) -> u32 {
        let mut hasher = crc32fast::Hasher::new_with_initial(crc32);
        hasher.update(&bytes);
        self.kept.files.insert(name, bytes);
        hasher.finalize()
    }

    /// Takes files of checkpoints back whose names begin like this.
    pub fn drop_kept(&mut self, prefix: &str) {
        self.kept.files.retain(|name, _| !name.starts_with(prefix));
    }

    /// Lets the next training go on from the newest checkpoint in memory, if there is one.
    ///
    /// # Errors
    /// As [`Session::checkpoints`].
    pub fn keep_checkpoints(&mut self) -> Result<()> {
        let mut kept = MemoryDirectory::default();
        if let Some(training) = &self.training {
            let names = training.checkpoints()?.into_iter().map(|step| format!("checkpoint-{step}")).collect::<Vec<_>>();
            let is_kept = |name: &String| names.iter().any(|checkpoint| name.split(['/', '.']).any(|part| part == checkpoint));
            kept.files =
                training.files().into_iter().filter(is_kept).filter_map(|name| Some((name.clone(), training.file(&name)?))).collect();
        }
        self.kept = kept;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Page, loaded};
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    type Packed = (Value, Vec<u8>);

    fn start(page: &Page, session: &mut Session) {
        page.wait(session.end());
        let begun = session.start("t").unwrap();
        page.wait(begun).unwrap();
    }

    /// Trains so many steps.
    fn advance(page: &Page, session: &Session, steps: usize) {
        for _ in 0..steps {
            assert_eq!(page.wait(session.advance().unwrap()).unwrap(), Value::Null);
        }
    }

    /// The files of a training that runs to its end, but for those with times in them.
    fn finished(page: &Page, session: &Session) -> Vec<(String, Vec<u8>)> {
        while page.wait(session.advance().unwrap()).unwrap().is_null() {}
        let names = session.list_files().unwrap().into_iter();
        let timeless =
            names.filter(|name| !name.ends_with("results.json") && !name.ends_with("state.json") && !name.starts_with(".rtrain"));
        timeless.map(|name| (name.clone(), session.file(&name).unwrap())).collect()
    }

    /// Files one after the other, with their names.
    fn files((what, bytes): &Packed) -> Vec<(String, Vec<u8>)> {
        let mut start = 0;
        let mut file = |file: &Value| {
            let end = start + usize::try_from(file["bytes"].as_u64().unwrap()).unwrap();
            let content = bytes[std::mem::replace(&mut start, end)..end].to_vec();
            (file["name"].as_str().unwrap().to_owned(), content)
        };
        what["files"].as_array().unwrap().iter().map(&mut file).collect()
    }

    fn packed(pack: impl FnOnce(Sink) -> Value) -> Option<Packed> {
        let bytes = Rc::new(RefCell::new(Vec::new()));
        let taken = Rc::clone(&bytes);
        let what = pack(Sink(Box::new(move |piece| taken.borrow_mut().extend_from_slice(piece))));
        (!what.is_null()).then(|| (what, bytes.take()))
    }

    fn own(session: &Session) -> Vec<Packed> {
        let steps = session.checkpoints().unwrap().into_iter();
        steps.filter_map(|step| packed(|sink| session.pack_checkpoint(step.into(), sink).unwrap())).collect()
    }

    #[test]
    fn what_is_packed_after_any_step_goes_on_to_the_same_files() {
        let (page, mut session) = loaded();
        start(&page, &mut session);
        let undisturbed = finished(&page, &session);
        assert!(undisturbed.iter().any(|(name, _)| name == "checkpoint-4/optimizer.pt"));
        for steps in 1..=4 {
            start(&page, &mut session);
            advance(&page, &session, steps);
            let mut kept = own(&session);
            assert_eq!(kept.len(), steps / 2);
            let recovery = || packed(|sink| page.wait(session.pack_recovery(sink)).unwrap());
            let extra = recovery();
            assert_eq!(extra.is_some(), steps % 2 == 1, "step {steps} is saved by the run");
            assert_eq!(recovery(), None);
            kept.extend(extra);
            let (page_of_other, mut other) = loaded();
            for packed in &kept {
                let crc32 = files(packed).into_iter().fold(0, |crc32, (name, bytes)| other.add_kept(name, bytes, crc32));
                assert_eq!(u64::from(crc32), packed.0["crc32"].as_u64().unwrap());
            }
            start(&page_of_other, &mut other);
            assert_eq!(page_of_other.events("notice")[0]["text"], format!("going on after step {steps}"));
            assert_eq!(finished(&page_of_other, &other), undisturbed, "after step {steps}");
            assert_eq!(finished(&page, &session), undisturbed, "the run that was packed");
        }
    }

    #[test]
    fn a_training_goes_on_from_its_checkpoints_in_memory() {
        let (page, mut session) = loaded();
        start(&page, &mut session);
        advance(&page, &session, 3);
        session.keep_checkpoints().unwrap();
        start(&page, &mut session);
        let before = page.losses().len();
        finished(&page, &session);
        assert_eq!(page.losses().len() - before, 2);
    }

    #[test]
    fn checkpoints_that_are_damaged_are_no_start() {
        let (page, mut session) = loaded();
        start(&page, &mut session);
        advance(&page, &session, 2);
        let mut packed = own(&session).remove(0);
        // In the midst of the weights or of the optimizer.
        let place = packed.1.len() / 2;
        packed.1[place] ^= 1;
        for (name, bytes) in files(&packed) {
            session.add_kept(name, bytes, 0);
        }
        page.wait(session.end());
        assert_eq!(session.start("t").err().unwrap().diagnostic().code, "checkpoint-none");
        session.add_kept("checkpoint-2/config.json".to_owned(), Vec::new(), 0);
        session.drop_kept("");
        start(&page, &mut session);
    }
}
