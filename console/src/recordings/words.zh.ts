const zh = {
  title: "录音",
};

export default zh;
