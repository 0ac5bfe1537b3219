// The answer's nonce, with which styles may be added to the page.
export const nonce = document.querySelector<HTMLMetaElement>("meta[name=nonce]")?.content ?? "";

// Ant Design adds most of its styles with the nonce that it is given; what it adds to lock scrolling behind a dialog it adds without.
const create = document.createElement.bind(document);
document.createElement = ((name: string, options?: ElementCreationOptions) => {
  const made = create(name, options);
  if (made instanceof HTMLStyleElement) made.nonce = nonce;
  return made;
}) as typeof document.createElement;
