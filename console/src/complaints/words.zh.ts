const zh = {
  title: "投诉与需求",
};

export default zh;
