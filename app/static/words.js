// The page's strings, in the language that it was rendered in.
const strings = JSON.parse(document.getElementById("strings").textContent);
const locale = document.documentElement.lang;
const numbers = new Intl.NumberFormat(locale);
const plurals = new Intl.PluralRules(locale);

// A string with its values; of "one|many" the form for a count, which is its {n}, and of three forms the first is none.
export function say(key, values = {}, count = undefined) {
  const forms = strings[key].split("|");
  const many = Number(plurals.select(count ?? 1) !== "one");
  const form = forms.length === 3 ? (count === 0 ? 0 : 1 + many) : Math.min(many, forms.length - 1);
  const known = { ...values, n: count === undefined ? "" : numbers.format(count) };
  return forms[form].replace(/\{(\w+)\}/g, (_, name) => known[name]);
}

export const isKnown = (key) => key in strings;

export const number = (value, digits = 0) =>
  new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value);
