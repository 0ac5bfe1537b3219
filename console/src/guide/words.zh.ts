const zh = {
  title: "使用帮助",
};

export default zh;
