//! Elements of a parameter with what an optimizer remembers of them.

/// Most tensors that an optimizer remembers of a parameter.
pub(super) const MOMENTS: usize = 3;

#[derive(Debug, Default)]
pub(super) struct Values<'a> {
    pub(super) parameter: &'a mut [f32],
    /// As long as the parameter, or empty.
    pub(super) moments: [&'a mut [f32]; MOMENTS],
}

impl<'a> Values<'a> {
    pub(super) fn new(parameter: &'a mut [f32], moments: &'a mut [Vec<f32>; MOMENTS]) -> Self {
        let fits = moments.iter().all(|moment| moment.is_empty() || moment.len() == parameter.len());
        assert!(fits, "the parameter fits the table");
        Values { parameter, moments: moments.each_mut().map(Vec::as_mut_slice) }
    }

    pub(super) fn reborrow(&mut self) -> Values<'_> {
        Values { parameter: self.parameter, moments: self.moments.each_mut().map(|moment| &mut **moment) }
    }

    fn split_at(self, place: usize) -> (Self, Self) {
        let (parameter, parameter_rest) = self.parameter.split_at_mut(place);
        let mut rests: [&'a mut [f32]; MOMENTS] = Default::default();
        let mut rest = rests.iter_mut();
        let moments = self.moments.map(|moment| {
            let (moment, after) = moment.split_at_mut(place.min(moment.len()));
            if let Some(rest) = rest.next() {
                *rest = after;
            }
            moment
        });
        (Values { parameter, moments }, Values { parameter: parameter_rest, moments: rests })
    }

    pub(super) fn chunks(self, size: usize) -> Vec<Values<'a>> {
        let (mut rest, mut chunks) = (self, Vec::new());
        while !rest.parameter.is_empty() {
            let (chunk, after) = {
                let place = size.min(rest.parameter.len());
                rest.split_at(place)
            };
            chunks.push(chunk);
            rest = after;
        }
        chunks
    }

    /// Rows, which must ascend.
    pub(super) fn rows(self, width: usize, rows: impl Iterator<Item = usize>) -> Vec<Values<'a>> {
        let (mut rest, mut next) = (self, 0);
        rows.map(|row| {
            let (values, later) = std::mem::take(&mut rest).split_at((row - next) * width).1.split_at(width);
            (rest, next) = (later, row + 1);
            values
        })
        .collect()
    }
}
