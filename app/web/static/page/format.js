// Values as people read them, in English whatever the browser's language.
const LOCALE = "en";
const PERCENT = new Intl.NumberFormat(LOCALE, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const WHOLE_PERCENT = new Intl.NumberFormat(LOCALE, { style: "percent", maximumFractionDigits: 0 });
const POINTS = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: "exceptZero" });
const MONEY = new Intl.NumberFormat(LOCALE, { style: "currency", currency: "USD" });
const ROUND_MONEY = new Intl.NumberFormat(LOCALE, { style: "currency", currency: "USD", maximumFractionDigits: 0 });
const MEGA = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const COUNT = new Intl.NumberFormat(LOCALE);
const DATE = new Intl.DateTimeFormat(LOCALE, { dateStyle: "long", timeZone: "UTC" });
const MINUS = "\u2212";

/** 0.5205 as "52.1%". */
export const probability = (value) => PERCENT.format(value);

/** 0.33 as "33%". */
export const share = (value) => WHOLE_PERCENT.format(value);

/** A difference of probabilities: -0.1234 as "−12.3 points". */
export const points = (difference) => `${POINTS.format(difference * 100).replace("-", MINUS)} points`;

/** A distance of probabilities: 0.0092 as "0.9 points". */
export const distance = (value) => points(value).replace("+", "");

/** 36.62 as "$36.62"; from a thousand on without cents. */
export const money = (value) => (Math.abs(value) < 1000 ? MONEY : ROUND_MONEY).format(value);

/** 7043 as "7,043". */
export const count = (value) => COUNT.format(value);

/** "1 customer", "7,043 customers". */
export const counted = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

/** 4718667 as "4.7 MB". */
export const megabytes = (bytes) => `${MEGA.format(bytes / 1e6)} MB`;

/** "high" as "High risk". */
export const risk = (tier) => `${tier[0].toUpperCase()}${tier.slice(1)} risk`;

/** A number with so many decimals. */
export const decimals = (value, digits) => value.toFixed(digits).replace("-", MINUS);

/** "2026-11-21T09:00:00Z" as "November 21, 2026". */
export const date = (value) => DATE.format(new Date(value));

// What sets thousands apart without being a decimal mark anywhere.
const APART = /(?<=\d)[\s'\u2019](?=\d{3}(?!\d))/g;
const GERMAN = /^[+-]?(\d{1,3}(\.\d{3})+|\d*),\d{1,2}$/;
const ENGLISH = /^[+-]?\d{1,3}(,\d{3})+\.\d*$/;
const PLAIN = /^[+-]?\d+(\.\d*)?$/;

/**
 * What was typed as the API takes it: "70,35" and "1.234,50" as in German, "$1,234.50" as in English, "1 234,50". "1,234" may be
 * either, so it stays as it is, and the API says what it takes.
 */
export function typed(text) {
  const bare = text.trim().replace(/^\$\s*/, "").replace(APART, "");
  if (GERMAN.test(bare)) return bare.replaceAll(".", "").replace(",", ".");
  if (ENGLISH.test(bare)) return bare.replaceAll(",", "");
  return PLAIN.test(bare) ? bare : text;
}
