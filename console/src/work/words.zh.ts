const zh = {
  title: "工作台",
};

export default zh;
