// Saves a file on the user's device: the browser asks where, or puts it among the downloads.

export function saveBlob(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has started the download by then; otherwise the blob would be kept as long as the page.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** "customers.csv.gz" and "list" as "customers-list.csv". */
export const downloadName = (fileName, suffix) =>
  `${fileName.replace(/(\.(csv|tsv|txt))?(\.gz)?$/i, "")}-${suffix}.csv`;
