//! `scaler.pt`: where the scaling of the loss stands, with which half precision keeps its gradients from vanishing.
//!
//! # Source
//! torch 2.15.0, `torch/amp/grad_scaler.py` (`state_dict`).

use std::borrow::Cow;

use crate::diagnostic::Result;
use crate::format::torch::archive::Archive;
use crate::format::torch::file::TorchFile;
use crate::format::torch::kind::TorchKind;
use crate::format::torch::pickle::Value;

/// The state of a `GradScaler`.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalerState {
    /// Name of the file without its extension: `scaler`.
    pub stem: String,
    /// What is remembered; nothing where the scaler is switched off.
    pub scaling: Option<Scaling>,
}

/// What an active `GradScaler` remembers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaling {
    /// What the loss is multiplied with.
    pub scale: f64,
    /// What the scale is multiplied with after `growth_interval` good steps.
    pub growth_factor: f64,
    /// What the scale is multiplied with after a step with an infinite gradient.
    pub backoff_factor: f64,
    /// Good steps from one growth to the next.
    pub growth_interval: i64,
    /// Good steps since the last change.
    pub growth_tracker: i64,
}

const FIELDS: [&str; 5] = ["scale", "growth_factor", "backoff_factor", "growth_interval", "_growth_tracker"];

impl ScalerState {
    /// Reads a file.
    ///
    /// # Errors
    /// A diagnostic for whatever a scaler does not write.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<Self> {
        let file = TorchFile::parse(path, bytes, TorchKind::Scaler)?;
        let scaling = if file.value.as_dict().is_some_and(<[_]>::is_empty) {
            None
        } else {
            let [scale, growth_factor, backoff_factor, growth_interval, growth_tracker] = file.exact_fields("", &file.value, FIELDS)?;
            Some(Scaling {
                scale: file.float("/scale", scale)?,
                growth_factor: file.float("/growth_factor", growth_factor)?,
                backoff_factor: file.float("/backoff_factor", backoff_factor)?,
                growth_interval: file.integer("/growth_interval", growth_interval)?,
                growth_tracker: file.integer("/_growth_tracker", growth_tracker)?,
            })
        };
        Ok(ScalerState { stem: file.stem, scaling })
    }

    /// The whole file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let values = self.scaling.map(|scaling| {
            let [scale, growth, backoff] = [scaling.scale, scaling.growth_factor, scaling.backoff_factor].map(Value::from);
            [scale, growth, backoff, scaling.growth_interval.into(), scaling.growth_tracker.into()]
        });
        let value = Value::dict(values.into_iter().flat_map(|values| FIELDS.into_iter().zip(values)));
        let pickle = crate::format::torch::pickle::write(&value).into();
        Archive { stem: Cow::Borrowed(&self.stem), pickle, storages: Vec::new() }.to_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::torch::golden;
    use proptest::prelude::*;

    #[test]
    fn the_file_of_torch_survives() {
        let bytes = &golden::files(|path| path.ends_with("scaler.pt"))[0].1;
        let scaling = Scaling { scale: 65536.0, growth_factor: 2.0, backoff_factor: 0.5, growth_interval: 2000, growth_tracker: 1 };
        let state = ScalerState { stem: "scaler".to_owned(), scaling: Some(scaling) };
        assert_eq!(ScalerState::parse("scaler.pt", bytes).unwrap(), state);
        assert!(state.to_bytes() == *bytes);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn states_survive(on in any::<bool>(), scale in 0.0..1e9, growth_interval in any::<i64>(), growth_tracker in any::<i64>()) {
            let scaling = on.then_some(Scaling { scale, growth_factor: 2.0, backoff_factor: 0.5, growth_interval, growth_tracker });
            let state = ScalerState { stem: "s".to_owned(), scaling };
            let bytes = state.to_bytes();
            let read = ScalerState::parse("f", &bytes).unwrap();
            prop_assert_eq!(&read, &state);
            prop_assert_eq!(read.to_bytes(), bytes);
        }
    }
}
