//! The optimizer and its settings, out of `optim`, `optim_args` and the arguments of Adam.

use super::choice::Optimizer;
use crate::format::torch::optimizer_state::Algorithm;

/// `optim_args`, as it was written.
pub(super) struct OptimArgs<'a>(Vec<(&'a str, &'a str)>);

/// What is wrong with `optim_args`: what was expected, and what was found.
pub(super) type Refusal = (&'static str, String);

impl<'a> OptimArgs<'a> {
    /// Reads `key=value` pairs, separated by commas; `text` has no spaces.
    pub(super) fn parse(text: &'a str) -> Result<Self, Refusal> {
        let pair = |pair: &'a str| match pair.split_once('=') {
            Some((key, value)) if !value.contains('=') => Ok((key, value)),
            _ => Err(("key=value pairs, separated by commas", format!("{pair:?}"))),
        };
        let pairs = if text.is_empty() { Vec::new() } else { text.split(',').map(pair).collect::<Result<_, _>>()? };
        Ok(OptimArgs(pairs))
    }

    /// The last value of a key.
    fn text(&self, key: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(known, _)| *known == key).map(|(_, value)| *value)
    }

    fn number(&self, key: &str) -> Result<Option<f64>, Refusal> {
        let Some(text) = self.text(key) else { return Ok(None) };
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
        number.map(Some).ok_or_else(|| ("numbers, at least 0", format!("{key}={text}")))
    }

    /// Whether a key is set, in one of the words that transformers knows; any other word means false there.
    fn flag(&self, key: &str) -> bool {
        self.text(key).is_some_and(|text| matches!(text.to_lowercase().as_str(), "true" | "1" | "yes"))
    }
}

/// The algorithm that transformers makes of the arguments; a key that it takes no notice of is not looked at here either, and neither is
/// `weight_decay`, which the parameter groups overrule.
///
/// # Source
/// transformers 5.23.0, `trainer_optimizer.py` (`_get_sgd`, `_get_adagrad`, `_get_rmsprop`, `_get_bitsandbytes_optimizer`).
pub(super) fn algorithm(optim: Optimizer, [beta1, beta2, eps]: [f64; 3], given: &OptimArgs<'_>) -> Result<Algorithm, Refusal> {
    Ok(match optim {
        Optimizer::AdamwTorch => Algorithm::AdamW { beta1, beta2, eps, fused: false },
        Optimizer::AdamwTorchFused => Algorithm::AdamW { beta1, beta2, eps, fused: true },
        Optimizer::Adafactor => Algorithm::Adafactor,
        Optimizer::Sgd => {
            let (momentum, dampening, nesterov) = (given.number("momentum")?, given.number("dampening")?, given.flag("nesterov"));
            if nesterov && (momentum.is_none_or(|momentum| momentum == 0.0) || dampening.is_some_and(|dampening| dampening != 0.0)) {
                return Err((
                    "nesterov with a momentum above 0 and no dampening",
                    format!("momentum {momentum:?}, dampening {dampening:?}"),
                ));
            }
            Algorithm::Sgd { momentum, dampening, nesterov }
        }
        Optimizer::Adagrad => Algorithm::Adagrad { lr_decay: given.number("lr_decay")?, eps: given.number("eps")?.unwrap_or(1e-10) },
        Optimizer::Rmsprop => Algorithm::RmsProp {
            momentum: given.number("momentum")?,
            alpha: given.number("alpha")?.unwrap_or(0.99),
            eps: given.number("eps")?.unwrap_or(1e-8),
            centered: given.flag("centered"),
        },
        Optimizer::Lion32bit => Algorithm::Lion { beta1, beta2 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(optim: Optimizer, text: &str) -> Result<Algorithm, Refusal> {
        OptimArgs::parse(text).and_then(|given| algorithm(optim, [0.9, 0.999, 1e-8], &given))
    }

    #[test]
    fn what_an_optimizer_does_not_know_is_passed_over() {
        let plain = Algorithm::Sgd { momentum: None, dampening: None, nesterov: false };
        assert_eq!(of(Optimizer::Sgd, "weight_decay=0.5,alpha=2,nesterov=on"), Ok(plain));
        assert_eq!(of(Optimizer::Adafactor, "scale_parameter=False"), Ok(Algorithm::Adafactor));
        let last = Algorithm::Sgd { momentum: Some(0.8), dampening: None, nesterov: true };
        assert_eq!(of(Optimizer::Sgd, "momentum=0.9,momentum=0.8,nesterov=YES"), Ok(last));
    }

    #[test]
    fn what_torch_refuses_is_refused() {
        for text in [
            "momentum",
            "momentum=1=2",
            "momentum=0.9,",
            "momentum=-1",
            "momentum=x",
            "nesterov=1",
            "momentum=0.9,nesterov=1,dampening=0.5",
        ] {
            assert!(of(Optimizer::Sgd, text).is_err(), "{text}");
        }
    }
}
