//! The letters of printed pages: one typewriter face that comes with us, cut down to what a document shows,
//! so that names in Latin, Greek and Cyrillic letters look the same in every reader.
//!
//! Every character has a code of its own, also one that the face cannot show: text copied out of a document
//! is the text that was put in. What the face has no glyph for, and what is written from right to left and
//! would have to be joined, is shown as a box.

use std::collections::{BTreeMap, BTreeSet};

use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Name, Pdf, Rect, Ref, Str};
use subsetter::GlyphRemapper;
use ttf_parser::Face;
use unicode_normalization::UnicodeNormalization;

const FACE: &[u8] = include_bytes!("../../../assets/fonts/LiberationMono.ttf");
/// Of a part of a face, six letters stand before its name.
const NAME: Name<'static> = Name(b"BURSAR+LiberationMono");
const UNICODE: Name<'static> = Name(b"Bursar-Unicode");
const CODES: SystemInfo<'static> =
    SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };
/// In thousandths of the size, as every measure of a face in a document.
const CAPITALS: i16 = 659;
const STEM: i16 = 80;

/// Text of one cell a letter: accents put together with their letters, line ends and the like as blanks.
pub(super) fn composed(text: &str) -> String {
    text.nfc().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The characters of a document, and their codes.
pub(super) struct Letters(BTreeMap<char, u16>);

impl Letters {
    /// Code 0 is left to what comes after the first 65,535 different ones.
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Letters {
        let different: BTreeSet<char> = texts.flat_map(str::chars).collect();
        Letters(different.into_iter().zip(1..=u16::MAX).collect())
    }

    /// Text as a page shows it.
    pub(super) fn encoded(&self, text: &str) -> Vec<u8> {
        let code = |c| self.0.get(&c).copied().unwrap_or_default();
        text.chars().flat_map(|c| code(c).to_be_bytes()).collect()
    }

    /// The face with these letters, under a reference; `next` gives those of its parts.
    pub(super) fn write(&self, pdf: &mut Pdf, font: Ref, next: &mut Ref) {
        let (told, descriptor, file) = (next.bump(), next.bump(), next.bump());
        let (glyphs, unicode) = (next.bump(), next.bump());
        let face = Face::parse(FACE, 0).expect("the face in the tree is one");
        let (kept, of_codes) = self.glyphs(&face);
        let part = subsetter::subset(FACE, 0, &kept).expect("glyphs of this face are kept");
        let mut plain = UnicodeCmap::new(UNICODE, CODES);
        for (c, code) in &self.0 {
            plain.pair(*code, *c);
        }

        let mut whole = pdf.type0_font(font);
        whole.base_font(NAME).encoding_predefined(Name(b"Identity-H"));
        whole.descendant_font(told).to_unicode(unicode);
        drop(whole);
        let mut by_code = pdf.cid_font(told);
        by_code.subtype(CidFontType::Type2).base_font(NAME).system_info(CODES).font_descriptor(descriptor);
        by_code.default_width(width(&face)).cid_to_gid_map_stream(glyphs);
        drop(by_code);
        describe(&face, pdf, descriptor, file);
        pdf.stream(file, &part).pair(Name(b"Length1"), i32::try_from(part.len()).unwrap_or(i32::MAX));
        pdf.stream(glyphs, &of_codes);
        pdf.stream(unicode, &plain.finish());
    }

    /// The glyphs that are kept, and the one of each code among them, two bytes each.
    fn glyphs(&self, face: &Face<'_>) -> (GlyphRemapper, Vec<u8>) {
        let mut kept = GlyphRemapper::new();
        let mut of_codes = 0_u16.to_be_bytes().to_vec();
        for c in self.0.keys() {
            let glyph = face.glyph_index(*c).filter(|_| !is_from_the_right(*c));
            let glyph = glyph.map_or(0, |glyph| kept.remap(glyph.0));
            of_codes.extend(glyph.to_be_bytes());
        }
        (kept, of_codes)
    }
}

fn describe(face: &Face<'_>, pdf: &mut Pdf, descriptor: Ref, file: Ref) {
    let edges = face.global_bounding_box();
    let [left, bottom, right, top] =
        [edges.x_min, edges.y_min, edges.x_max, edges.y_max].map(|edge| scaled(face, edge));
    let mut described = pdf.font_descriptor(descriptor);
    described.name(NAME).flags(FontFlags::FIXED_PITCH | FontFlags::SYMBOLIC);
    described.bbox(Rect::new(left, bottom, right, top)).italic_angle(0.0);
    described.ascent(scaled(face, face.ascender())).descent(scaled(face, face.descender()));
    described.cap_height(CAPITALS.into()).stem_v(STEM.into()).font_file2(file);
}

/// Of every letter alike.
fn width(face: &Face<'_>) -> f32 {
    let blank = face.glyph_index(' ').and_then(|glyph| face.glyph_hor_advance(glyph));
    let units = blank.and_then(|units| i16::try_from(units).ok());
    scaled(face, units.expect("the face in the tree has a blank"))
}

/// A measure in the face's own units, in thousandths of the size.
fn scaled(face: &Face<'_>, units: i16) -> f32 {
    let thousandths = i32::from(units) * 1000 / i32::from(face.units_per_em());
    i16::try_from(thousandths).map_or(0.0, f32::from)
}

/// Hebrew, Arabic and their neighbours, with the forms for printing.
fn is_from_the_right(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_the_languages_that_are_taught_has_a_glyph() {
        let face = Face::parse(FACE, 0).unwrap();
        let wanted = "Żółć ąęśźńłŁ Příliš žluťoučký kůň Ελληνικά ή ΰ Тест Ёё Її Ґґ Ўў Ђђ Ќќ Việt Nguyễn ữ ặ Ộ ả ỹ Ơ ư ğ İ ı ş \
                      Ðð Þþ ő ű ț ș ã ç ñ ß ẞ € … – “ ” „ ’ ¿ ¡";
        for c in wanted.chars() {
            let glyph = face.glyph_index(c).unwrap_or_else(|| panic!("no glyph for {c}"));
            assert_eq!(face.glyph_hor_advance(glyph), face.glyph_hor_advance(face.glyph_index('m').unwrap()));
        }
    }

    #[test]
    fn what_cannot_be_shown_is_a_box_with_a_code_of_its_own() {
        let letters = Letters::of(["aב中a", "س"].into_iter());
        let (_, of_codes) = letters.glyphs(&Face::parse(FACE, 0).unwrap());
        assert_eq!(of_codes, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(letters.encoded("a中س?"), [0, 1, 0, 4, 0, 3, 0, 0]);
    }

    #[test]
    fn an_accent_has_no_cell_of_its_own() {
        assert_eq!(composed("Vie\u{302}\u{323}t\nZ\u{307}o\u{301}\u{142}c\u{301}"), "Việt Żółć");
    }
}
