// Gives a file to the person: the browser asks where to, or puts it among the downloads.

export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken it by then; without this, it would be kept as long as the page.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** "customers.csv.gz" and "list" as "customers-list.csv". */
export const named = (file, what) => `${file.replace(/(\.(csv|tsv|txt))?(\.gz)?$/i, "")}-${what}.csv`;
