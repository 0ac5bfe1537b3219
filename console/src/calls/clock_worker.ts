// Ticks for a page that may be in the background; told once how often.
onmessage = ({ data }: MessageEvent<number>) => {
  setInterval(() => postMessage(null), data);
};
