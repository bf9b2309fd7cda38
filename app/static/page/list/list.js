// The view "A list".
export function start(root) {
  root.querySelector("h1");
}
