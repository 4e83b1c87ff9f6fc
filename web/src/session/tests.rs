use super::*;
use std::cell::RefCell;
use std::future::poll_fn;
use std::path::Path;
use std::pin::pin;
use std::task::Poll;

/// A page that keeps what it hears, and does the work while it waits for an answer.
#[derive(Default)]
pub(super) struct Page {
    events: RefCell<Vec<Value>>,
    work: RefCell<Vec<Work<()>>>,
}

impl Surroundings for Page {
    fn tell(&self, event: Value) {
        self.events.borrow_mut().push(event);
    }

    /// Not ready at once, as in a browser.
    fn give_way(&self) -> Work<()> {
        let mut is_ready = false;
        Box::pin(poll_fn(move |context| {
            context.waker().wake_by_ref();
            if std::mem::replace(&mut is_ready, true) { Poll::Ready(()) } else { Poll::Pending }
        }))
    }

    fn spawn(&self, work: Work<()>) {
        self.work.borrow_mut().push(work);
    }
}

impl Page {
    pub(super) fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        let mut answer = pin!(answer);
        pollster::block_on(poll_fn(|context| {
            self.work.borrow_mut().retain_mut(|work| work.as_mut().poll(context).is_pending());
            answer.as_mut().poll(context)
        }))
    }

    pub(super) fn events(&self, kind: &str) -> Vec<Value> {
        self.events.borrow().iter().filter(|event| event["type"] == kind).cloned().collect()
    }

    pub(super) fn losses(&self) -> Vec<f64> {
        self.events("step").iter().map(|event| event["loss"].as_f64().unwrap()).collect()
    }

    fn predict(&self, session: &mut Session) -> Value {
        let prediction = session.predict(r#"[["a good one"]]"#).unwrap();
        self.wait(prediction).unwrap()
    }
}

pub(super) fn loaded() -> (Rc<Page>, Session) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/semantics");
    let page = Rc::new(Page::default());
    let mut session = Session::new(Rc::<Page>::clone(&page), None);
    for name in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
        session.add_file(name.to_owned(), std::fs::read(folder.join("model").join(name)).unwrap());
    }
    session.load_model("small".to_owned()).unwrap();
    session.load_table("train", "train.csv", &std::fs::read(folder.join("train.csv")).unwrap()).unwrap();
    session.set_arguments(r#"{"ignore_mismatched_sizes": true, "max_steps": 4, "save_steps": 2}"#).unwrap();
    (page, session)
}

/// What a training to its end ends with; `between` is called before every step.
fn train(page: &Page, session: &mut Session, mut between: impl FnMut(&mut Session)) -> Value {
    page.wait(session.end());
    page.events.borrow_mut().clear();
    let begun = session.start("Jan01_00-00-00").unwrap();
    page.wait(begun).unwrap();
    loop {
        between(session);
        let outcome = page.wait(session.advance().unwrap()).unwrap();
        if !outcome.is_null() {
            return outcome;
        }
    }
}

/// More rows than go through a model at once.
fn load_validation(session: &mut Session) {
    let rows: String = (0..900).map(|row| format!("a good one and a bad one,{}\n", ["negative", "positive"][row % 2])).collect();
    session.load_table("validation", "validation.csv", format!("text,label\n{rows}").as_bytes()).unwrap();
}

#[test]
fn what_is_asked_between_steps_changes_no_step() {
    let (page, mut session) = loaded();
    load_validation(&mut session);
    let outcome = train(&page, &mut session, |_| {});
    let losses = page.losses();
    assert_eq!((losses.len(), &outcome["stopped"]), (4, &false.into()));
    let names = session.list_files().unwrap();
    assert!(names.iter().any(|name| name == "checkpoint-4/optimizer.pt") && names.iter().any(|name| name == "trainer_state.json"));
    assert_eq!(session.verify().unwrap()["findings"], json!([]));
    let weights = session.file("model.safetensors").unwrap();

    let (mut predictions, mut evaluations) = (Vec::new(), Vec::new());
    train(&page, &mut session, |session| {
        predictions.push(page.predict(session));
        let evaluation = session.evaluate().unwrap();
        evaluations.push(page.wait(evaluation).unwrap());
        page.wait(session.save()).unwrap();
    });
    assert_eq!(page.losses(), losses);
    assert_ne!(predictions.first(), predictions.last());
    assert_ne!(evaluations.first(), evaluations.last());
    assert_eq!(session.list_files().unwrap(), names);
    assert_eq!(session.file("model.safetensors").unwrap(), weights);
}

#[test]
fn a_training_that_is_stopped_has_results() {
    let (page, mut session) = loaded();
    let mut calls = 0;
    let outcome = train(&page, &mut session, |session| {
        calls += 1;
        if calls == 3 {
            session.stop();
        }
    });
    assert_eq!((page.losses().len(), &outcome["stopped"]), (2, &true.into()));
    assert!(outcome["metrics"]["train_loss"].as_f64().unwrap() > 0.0);
    assert!(session.file("train_results.json").is_some());
}

/// Predictions come in the midst of an evaluation; a stop waits for its end, and is not lost.
#[test]
fn an_evaluation_lets_others_have_their_turn() {
    let (page, mut session) = loaded();
    load_validation(&mut session);
    session.set_arguments(r#"{"eval_strategy": "steps", "eval_steps": 1, "max_steps": 4, "save_strategy": "no"}"#).unwrap();
    let begun = session.start("Jan01_00-00-00").unwrap();
    page.wait(begun).unwrap();
    let step = session.advance().unwrap();
    session.stop();
    page.predict(&mut session);
    let evaluated = page.events("evaluation");
    let (done, total) = (&evaluated.last().unwrap()["done"], &evaluated[0]["total"]);
    assert!(done.as_u64() < total.as_u64(), "{done} of {total}");
    assert!(page.wait(step).unwrap().is_null());
    while page.wait(session.advance().unwrap()).unwrap().is_null() {}
    assert_eq!(page.losses().len(), 1);
}

/// Losses are the same where the page has its turn between two micro batches, and a prediction then too.
#[test]
fn micro_batches_let_others_have_their_turn() {
    let (page, mut session) = loaded();
    session.set_arguments(r#"{"gradient_accumulation_steps": 3, "per_device_train_batch_size": 2, "save_strategy": "no"}"#).unwrap();
    train(&page, &mut session, |_| {});
    let losses = page.losses();
    page.wait(session.end());
    page.events.borrow_mut().clear();
    let begun = session.start("Jan01_00-00-00").unwrap();
    page.wait(begun).unwrap();
    loop {
        let (step, steps) = (session.advance().unwrap(), page.losses().len());
        page.predict(&mut session);
        assert!(page.losses().len() == steps || steps == 4, "the prediction has waited for the step");
        if !page.wait(step).unwrap().is_null() {
            break;
        }
    }
    assert_eq!(page.losses(), losses);
}

#[test]
fn a_training_that_does_not_begin_is_none() {
    let (page, mut session) = loaded();
    session
        .set_arguments(r#"{"load_best_model_at_end": true, "metric_for_best_model": "f2", "eval_strategy": "steps", "eval_steps": 2}"#)
        .unwrap();
    load_validation(&mut session);
    let begun = session.start("Jan01_00-00-00").unwrap();
    assert_ne!(code(page.wait(begun)), "missing-argument");
    assert_eq!(code(session.advance().map(|_| Value::Null)), "missing-argument");
}

fn code(result: Result<Value>) -> &'static str {
    result.unwrap_err().diagnostic().code
}

#[test]
fn what_is_missing_is_named() {
    let mut session = Session::new(Rc::new(Page::default()), None);
    assert_eq!(code(session.load_model("m".to_owned())), "config-missing");
    assert_eq!(code(session.predict("[]").map(|_| Value::Null)), "missing-argument");
    assert_eq!(code(session.evaluate().map(|_| Value::Null)), "missing-argument");
    assert_eq!(code(session.load_table("train", "t.csv", b"text,label\n")), "table-empty");
    assert_eq!(session.start("t").err().unwrap().diagnostic().message, "there is no model");
}
