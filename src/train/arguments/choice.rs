//! The arguments that are one word of a list.

/// An enumeration whose variants are called as transformers calls them.
macro_rules! choice {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_meta])* $variant,)+ }

        impl $name {
            /// The names of all choices.
            pub const NAMES: &'static [&'static str] = &[$($text),+];

            /// The choice of this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some($name::$variant),)+ _ => None }
            }

            /// The name that transformers gives it.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }
        }
    };
}

choice! {
    /// When something is done in the course of a training.
    IntervalStrategy {
        /// Never.
        No = "no",
        /// After every so many optimizer steps.
        Steps = "steps",
        /// At the end of every epoch.
        Epoch = "epoch",
    }
}

choice! {
    /// The course of the learning rate.
    SchedulerType {
        /// Up in the warmup, then straight down to 0.
        Linear = "linear",
        /// Up in the warmup, then down to 0 along half a cosine.
        Cosine = "cosine",
        /// The same from the first step to the last; there is no warmup.
        Constant = "constant",
        /// Up in the warmup, then constant.
        ConstantWithWarmup = "constant_with_warmup",
    }
}

choice! {
    /// An optimizer.
    Optimizer {
        /// PyTorch's plain AdamW.
        AdamwTorch = "adamw_torch",
        /// PyTorch's fused AdamW, transformers' default.
        AdamwTorchFused = "adamw_torch_fused",
        /// transformers' Adafactor, at the learning rate that is given.
        Adafactor = "adafactor",
        /// Stochastic gradient descent.
        Sgd = "sgd",
        /// Adagrad.
        Adagrad = "adagrad",
        /// RMSprop.
        Rmsprop = "rmsprop",
        /// The Lion of bitsandbytes.
        Lion32bit = "lion_32bit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for name in SchedulerType::NAMES {
            assert_eq!(SchedulerType::from_name(name).map(SchedulerType::name), Some(*name));
        }
        for name in IntervalStrategy::NAMES {
            assert_eq!(IntervalStrategy::from_name(name).map(IntervalStrategy::name), Some(*name));
        }
        assert_eq!(Optimizer::from_name("lomo"), None);
    }
}
