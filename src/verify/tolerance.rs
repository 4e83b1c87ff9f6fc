//! How near two tensors must be to count as the same.

/// How far an element of a tensor may be from the reference: by `absolute + relative * |reference|`, as in `torch.allclose`. Nothing at all
/// by default.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tolerance {
    /// `rtol`
    pub relative: f64,
    /// `atol`
    pub absolute: f64,
}

impl Tolerance {
    /// Whether only the same bits will do.
    pub fn is_exact(self) -> bool {
        self == Tolerance::default()
    }

    /// Whether an element is near enough. NaN and infinity are near themselves only.
    pub fn allows(self, found: f32, expected: f32) -> bool {
        if found.to_bits() == expected.to_bits() {
            return true;
        }
        let (found, expected) = (f64::from(found), f64::from(expected));
        !self.is_exact() && expected.is_finite() && (found - expected).abs() <= self.absolute + self.relative * expected.abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_exact() {
        let exact = Tolerance::default();
        assert!(exact.allows(1.0, 1.0) && exact.allows(f32::NAN, f32::NAN));
        assert!(!exact.allows(1.0, f32::from_bits(1.0_f32.to_bits() + 1)) && !exact.allows(0.0, -0.0));
    }

    #[test]
    fn the_reference_is_the_measure() {
        let relative = Tolerance { relative: 0.1, absolute: 0.0 };
        assert!(relative.allows(109.0, 100.0) && !relative.allows(111.0, 100.0) && relative.allows(0.0, -0.0));
        let absolute = Tolerance { relative: 0.0, absolute: 0.5 };
        assert!(absolute.allows(0.5, 0.0) && !absolute.allows(0.75, 0.0));
    }

    #[test]
    fn what_is_not_finite_is_near_itself_only() {
        let wide = Tolerance { relative: 1e30, absolute: 1e30 };
        assert!(wide.allows(f32::INFINITY, f32::INFINITY));
        for (found, expected) in
            [(f32::NAN, 1.0), (1.0, f32::NAN), (f32::INFINITY, 1.0), (1.0, f32::INFINITY), (f32::NEG_INFINITY, f32::INFINITY)]
        {
            assert!(!wide.allows(found, expected), "{found} {expected}");
        }
    }
}
