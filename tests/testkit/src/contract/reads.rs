//! What is read: listings, direct reads, searches.

use super::talk::{Made, Talk, departs, names};
use super::{Clause, User};
use mizan_adapters::{Fault, Fetched, Probe, Pull, Row};
use mizan_core::{Ext, Image};
use std::collections::BTreeMap;

impl Talk<'_> {
    /// What the declared normalisers make of the samples comes to rest.
    pub(super) fn normalisers(&mut self) {
        for index in 0..self.samples.len() {
            let once = self.stored(&self.sample(index));
            let twice = self.stored(&once);
            let moved = departs(&twice, &once);
            if !moved.is_empty() {
                self.broke(Clause::NormaliserAtRest, format!("of {}", names(&moved)));
            }
        }
    }

    /// Ids that name nothing; a fault is an answer too, but a row is not.
    pub(super) async fn unknown_rows(
        &mut self,
        before: &BTreeMap<Ext, Option<Row>>,
    ) -> Result<(), Fault> {
        for text in ["999999999", "no-such-row"] {
            let ext = Ext::new(text);
            if before.contains_key(&ext) {
                continue;
            }
            match self.adapter.get(&self.entity.name, &ext).await {
                Ok(Fetched::NotFound) | Err(_) => {}
                Ok(Fetched::Found(row)) => {
                    let what = format!("asked for {text}, it answered with row {}", row.ext);
                    self.broke(Clause::NotFoundIsSaid, what);
                }
            }
        }
        Ok(())
    }

    pub(super) async fn lists(
        &mut self,
        before: &BTreeMap<Ext, Option<Row>>,
        made: &[Made],
    ) -> Result<(), Fault> {
        let after = self.sweep().await?;
        for one in made {
            match after.get(&one.ext) {
                None => {
                    let what = format!("row {} was created and is not listed", one.ext);
                    self.broke(Clause::ListingComplete, what);
                }
                Some(Some(row)) => {
                    let other = departs(&row.image, &one.row.image);
                    if !other.is_empty() {
                        let what = format!(
                            "row {} is listed with another {} than it is read with",
                            one.ext,
                            names(&other)
                        );
                        self.broke(Clause::ListingComplete, what);
                    }
                }
                Some(None) => {}
            }
        }
        let lost = before.keys().filter(|ext| !after.contains_key(*ext)).count();
        if lost > 0 {
            let what = format!("{lost} rows that were listed before are not listed any more");
            self.broke(Clause::ListingComplete, what);
        }
        if self.adapter.capabilities(&self.entity.name).since {
            for one in made {
                let Some(stamp) = one.row.stamp else { continue };
                if !self.list(Pull::Since(stamp)).await?.contains_key(&one.ext) {
                    let what = format!("row {} is not in it", one.ext);
                    self.broke(Clause::SinceBrings, what);
                }
            }
        }
        // `07` is not `7`, and neither is ` 7` (V16).
        for text in [format!("0{}", made[0].ext), format!(" {}", made[0].ext)] {
            let other = Ext::new(&text);
            if let Ok(Fetched::Found(row)) = self.adapter.get(&self.entity.name, &other).await
                && !after.contains_key(&other)
            {
                let what = format!("asked for `{text}`, it answered with row {}", row.ext);
                self.broke(Clause::IdsAreOpaque, what);
            }
        }
        Ok(())
    }

    pub(super) async fn finds(&mut self, made: &[Made]) -> Result<(), Fault> {
        let can = self.adapter.capabilities(&self.entity.name);
        for one in made.iter().filter(|_| can.marker) {
            self.finds_marker(&one.command.marker(), Some(&one.ext), Clause::FoundByMarker).await?;
        }
        if can.marker {
            self.finds_marker("nobodysmarker000", None, Clause::FoundByMarker).await?;
        }
        if !can.find_by_key || self.entity.key.is_empty() {
            return Ok(());
        }
        for one in made {
            let key = self.key(&one.row.image);
            let found = self.adapter.find(&self.entity.name, Probe::Key(&key)).await?;
            let found: Vec<Ext> = found.into_iter().map(|row| row.ext).collect();
            if found != [one.ext.clone()] {
                let what = format!("the key of row {} finds {found:?}", one.ext);
                self.broke(Clause::FoundByKey, what);
            }
        }
        let unknown = self.key(&self.stored(&self.sample(super::SAMPLES - 1)));
        let found = self.adapter.find(&self.entity.name, Probe::Key(&unknown)).await?;
        if !found.is_empty() {
            let what = format!("a key that no row has finds {} rows", found.len());
            self.broke(Clause::FoundByKey, what);
        }
        Ok(())
    }

    async fn finds_marker(
        &mut self,
        marker: &str,
        wanted: Option<&Ext>,
        clause: Clause,
    ) -> Result<(), Fault> {
        let found = self.adapter.find(&self.entity.name, Probe::Marker(marker)).await?;
        let found: Vec<Ext> = found.into_iter().map(|row| row.ext).collect();
        let right = found.iter().collect::<Vec<_>>() == wanted.into_iter().collect::<Vec<_>>();
        if !right {
            let wanted = wanted.map_or_else(|| "nothing".to_owned(), |ext| format!("row {ext}"));
            self.broke(clause, format!("a marker of {wanted} finds {found:?}"));
        }
        Ok(())
    }

    /// T5: who edits a row does not take our marker off it.
    pub(super) async fn marker_survives(
        &mut self,
        made: &Made,
        user: User<'_>,
    ) -> Result<(), Fault> {
        if !self.adapter.capabilities(&self.entity.name).marker {
            return Ok(());
        }
        let other = self.stored(&self.sample(super::SAMPLES - 1));
        let field = self
            .changeable()
            .into_iter()
            .find_map(|field| Some((field.name.clone(), other.get(&field.name)?.clone())));
        let edit: Image = field.into_iter().collect();
        user(&made.ext, &edit);
        let marker = made.command.marker();
        self.finds_marker(&marker, Some(&made.ext), Clause::MarkerSurvives).await
    }
}
