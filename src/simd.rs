//! Loops that the compiler turns into vector instructions, for the widest vectors that the processor has.

/// Defines a function that is compiled several times, each for more of what processors can do, and runs as the best that this one can.
///
/// What it calls takes part where that is `#[inline(always)]`.
macro_rules! vectorized {
    ($(#[$meta:meta])* $visibility:vis fn $name:ident<$lifetime:lifetime>($($argument:ident: $type:ty),* $(,)?) $(-> $output:ty)? $body:block) => {
        $(#[$meta])*
        $visibility fn $name<$lifetime>($($argument: $type),*) $(-> $output)? {
            #[cfg(feature = "train")]
            {
                struct Work<$lifetime>($($type),*);
                impl<$lifetime> pulp::NullaryFnOnce for Work<$lifetime> {
                    type Output = $crate::simd::output!($($output)?);

                    #[inline(always)]
                    fn call(self) -> Self::Output {
                        let Work($($argument),*) = self;
                        $body
                    }
                }
                pulp::Arch::new().dispatch(Work($($argument),*))
            }
            #[cfg(not(feature = "train"))]
            $body
        }
    };
}

/// The type that a function returns, also where it names none.
#[cfg(feature = "train")]
macro_rules! output {
    () => {
        ()
    };
    ($output:ty) => {
        $output
    };
}

#[cfg(feature = "train")]
pub(crate) use output;
pub(crate) use vectorized;
