const zh = {
  title: "统计",
};

export default zh;
