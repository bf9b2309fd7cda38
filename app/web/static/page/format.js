// Values as people read them, in English whatever the browser's language.
const LOCALE = "en";
const PERCENT = new Intl.NumberFormat(LOCALE, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const WHOLE_PERCENT = new Intl.NumberFormat(LOCALE, { style: "percent", maximumFractionDigits: 0 });
const CUT_PERCENT = new Intl.NumberFormat(LOCALE, { style: "percent", maximumSignificantDigits: 3 });
const POINTS = new Intl.NumberFormat(LOCALE, {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
  signDisplay: "exceptZero",
});
const AMOUNT = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const NUMBER = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 2 });
const SMALL_NUMBER = new Intl.NumberFormat(LOCALE, { maximumSignificantDigits: 3 });
const MEGABYTES = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const COUNT = new Intl.NumberFormat(LOCALE);
const DATE = new Intl.DateTimeFormat(LOCALE, { dateStyle: "long", timeZone: "UTC" });
const MINUS = "\u2212";
/** The sign of amounts, and the time that the money at risk is for; the page states them where they are others. A worker has no page. */
export const { currency: CURRENCY = "$", period: PERIOD = "a month" } =
  globalThis.document?.documentElement.dataset ?? {};
const CURRENCY_SIGN = /\p{L}$/u.test(CURRENCY) ? `${CURRENCY}\u00a0` : CURRENCY;

/** 0.5205 as "52.1%". */
export const formatProbability = (value) => PERCENT.format(value);

/** The risk of a customer, which is never 0 or 1: 0.99998 as "over 99.9%". */
export function formatRisk(value) {
  if (value >= 0.9995) return `over ${formatProbability(0.999)}`;
  return value < 0.0005 ? `under ${formatProbability(0.001)}` : formatProbability(value);
}

/** 0.33 as "33%". */
export const formatShare = (value) => WHOLE_PERCENT.format(value);

/** A threshold or the start of a tier: 0.33 as "33%", 0.145 as "14.5%", 0.0025 as "0.25%". */
export const formatCut = (value) => CUT_PERCENT.format(value);

/** A difference of probabilities: -0.1234 as "−12.3 points". */
export const formatDifference = (difference) => `${POINTS.format(difference * 100).replace("-", MINUS)} points`;

/** A distance of probabilities: 0.0092 as "0.9 points". */
export const formatDistance = (value) => formatDifference(value).replace("+", "");

/** 36.62 as "$36.62", a price of 0.0855 as "$0.0855"; from a thousand on without cents. */
export function formatMoney(value) {
  const amount = Math.abs(value);
  const isFine = amount < 1 && Number(amount.toFixed(2)) !== amount;
  const digits = isFine
    ? formatNumber(amount)
    : amount < 1000
      ? AMOUNT.format(amount)
      : COUNT.format(Math.round(amount));
  return `${value < 0 ? "-" : ""}${CURRENCY_SIGN}${digits}`;
}

/** What follows the money at risk: " a month". */
export const PER_PERIOD = PERIOD && ` ${PERIOD}`;

/** The money at risk: "$36.62 a month". */
export const formatMoneyAtRisk = (value) => (value === null ? "not known" : `${formatMoney(value)}${PER_PERIOD}`);

/** A number of any kind, as sentences of the model have it: 1234.5 as "1,234.5"; below 1 its first three digits, 0.0125 as "0.0125". */
export const formatNumber = (value) => (Math.abs(value) < 1 ? SMALL_NUMBER : NUMBER).format(value).replace("-", MINUS);

/** 7043 as "7,043". */
export const formatCount = (value) => COUNT.format(value);

/** "1 customer", "7,043 customers". */
export const pluralize = (value, singular) => `${formatCount(value)} ${singular}${value === 1 ? "" : "s"}`;

/** 4718667 as "4.7 MB". */
export const formatMegabytes = (bytes) => `${MEGABYTES.format(bytes / 1e6)} MB`;

/** "high" as "High risk". */
export const tierLabel = (tier) => `${tier[0].toUpperCase()}${tier.slice(1)} risk`;

/** A number with a fixed number of decimals. */
export const formatDecimals = (value, digits) => value.toFixed(digits).replace("-", MINUS);

/** "2026-11-21T09:00:00Z" as "November 21, 2026". */
export const formatDate = (value) => DATE.format(new Date(value));

// Thousands separators that are not a decimal mark anywhere.
const SPACES = /(?<=\d)[\s'\u2019](?=\d{3}(?!\d))/g;
const GERMAN = /^[+-]?(\d{1,3}(\.\d{3})+|\d*),\d{1,2}$/;
const ENGLISH = /^[+-]?\d{1,3}(,\d{3})+\.\d*$/;
const PLAIN = /^[+-]?\d+(\.\d*)?$/;

/**
 * A typed number in the form that the API accepts: "70,35" and "1.234,50" as in German, "$1,234.50" as in English, "1 234,50".
 * "1,234" is ambiguous, so it stays as it is, and the API returns an error.
 */
export function normalizeNumber(text) {
  const typed = text.trim();
  const digits = (typed.startsWith(CURRENCY) ? typed.slice(CURRENCY.length).trimStart() : typed).replace(SPACES, "");
  if (GERMAN.test(digits)) return digits.replaceAll(".", "").replace(",", ".");
  if (ENGLISH.test(digits)) return digits.replaceAll(",", "");
  return PLAIN.test(digits) ? digits : text;
}
