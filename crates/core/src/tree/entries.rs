//! The entries of a directory, held tight: a repository may have a million of them.

use super::Entry;

/// Entries in order of their names; all names stand in one piece of memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entries {
    names: Vec<u8>,
    slots: Vec<Slot>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Slot {
    /// Where its name ends; it starts where the one before ends.
    end: usize,
    entry: Entry,
}

impl Entries {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Adds an entry at the end; [`Self::sort`] puts them in order.
    pub(super) fn push(&mut self, name: &[u8], entry: Entry) {
        self.names.extend_from_slice(name);
        self.slots.push(Slot { end: self.names.len(), entry });
    }

    /// Puts another entry under the name at `index`.
    pub(super) fn replace(&mut self, index: usize, entry: Entry) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.entry = entry;
        }
    }

    /// Gives back memory that is not needed.
    pub(super) fn shrink(&mut self) {
        self.names.shrink_to_fit();
        self.slots.shrink_to_fit();
    }

    fn name(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.slots[before].end);
        &self.names[start..self.slots[index].end]
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &Entry)> {
        let mut start = 0;
        self.slots.iter().map(move |slot| {
            let name = &self.names[start..slot.end];
            start = slot.end;
            (name, &slot.entry)
        })
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<&Entry> {
        let (mut low, mut high) = (0, self.slots.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.name(middle).cmp(name) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(&self.slots[middle].entry),
            }
        }
        None
    }

    /// Sorts by name. Git's own order is nearly the same, so mostly there is nothing to do.
    pub(super) fn sort(&mut self) {
        if (1..self.len()).all(|index| self.name(index - 1) <= self.name(index)) {
            return;
        }
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by(|a, b| self.name(*a).cmp(self.name(*b)));
        let mut sorted = Self { names: Vec::with_capacity(self.names.len()), slots: Vec::with_capacity(self.len()) };
        for index in order {
            sorted.push(self.name(index), self.slots[index].entry.clone());
        }
        *self = sorted;
    }
}
