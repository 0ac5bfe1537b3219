const zh = {
  title: "实时监控",
};

export default zh;
