const zh = {
  title: "患者",
};

export default zh;
